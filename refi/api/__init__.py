"""The HTTP service: every router in one application."""
