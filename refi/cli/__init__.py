"""The command line ``refi``: each command a thin layer over the function that does it.

Answers go to stdout, progress and problems to stderr; exit codes 0 ok, 1 failed, 2 wrong use. Only the
modules of the command that was typed are imported, so that the arithmetic answers at once.
"""

from __future__ import annotations

import importlib
import sys

from refi.errors import FileRefused

HOMES = {
    "refi.cli.arithmetic": ("schedule", "contract", "apr", "quote", "segments"),
    "refi.cli.operations": (
        "migrate",
        "close",
        "seed",
        "reseal",
        "hire",
        "audit",
        "optin",
    ),
    "refi.cli.programs": ("serve", "worker", "scheduler"),
    "refi.cli.scoring": ("score",),
    "refi.cli.decisions": ("decisions",),
    "refi.cli.reminders": ("reminders",),
    "refi.cli.wording": ("templates",),
    "refi.cli.doctor": ("doctor",),
    "refi.cli.replay": ("replay",),
    "refi.cli.demo": ("demo",),
}
"""Where each command is."""


def app() -> None:
    """Run the command that ``sys.argv`` names."""
    named = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        for module, commands in HOMES.items():
            if named in commands or not any(named in those for those in HOMES.values()):
                importlib.import_module(module)
    except FileRefused as error:
        sys.stderr.write(f"refi: {error}\n")
        sys.exit(2)
    from refi.cli.shared import app as commands_of_typer

    commands_of_typer()
