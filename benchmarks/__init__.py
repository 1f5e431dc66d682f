"""Yardsticks: each module answers the question in its docstring by running two things side by side."""
