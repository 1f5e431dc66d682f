"""Draw a terminal transcript as an SVG: ``python docs/images/make.py TITLE OUT.svg < transcript``.

No font is loaded from anywhere: the reader's own monospace font is used.
"""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.text import Text

TEXT_LENGTHS = re.compile(r' textLength="[0-9.]+"')
FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Read stdin, write the picture."""
    title, target = sys.argv[1:]
    console = Console(record=True, width=124, file=io.StringIO(), force_terminal=True)
    for line in sys.stdin.read().rstrip("\n").splitlines():
        text = Text(line)
        text.highlight_regex(r"^20\d\d-\d\d-\d\d", "bold cyan")
        text.highlight_regex(r"¥[0-9,.]+", "green")
        text.highlight_regex(r"approved|active|paid_off|clean", "bold")
        console.print(text, soft_wrap=True)
    svg = FONT_FACES.sub("", console.export_svg(title=title)).replace("Fira Code, monospace", "monospace")
    svg = TEXT_LENGTHS.sub("", svg)  # Chinese is wider than the cells that rich reckons with
    with open(target, "w", encoding="utf-8") as file:  # noqa: PTH123 - a script of one page
        file.write(svg)


if __name__ == "__main__":
    main()
