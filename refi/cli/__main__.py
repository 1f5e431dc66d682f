"""``python -m refi.cli``: the same as ``refi``."""

from refi.cli import app

app()
