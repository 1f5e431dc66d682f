"""``make bench``: every yardstick of this directory one after the other, or the one that is named.

``make bench NAME=list`` only says which there are and what each one asks.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def question(name: str) -> str:
    """The first line of the yardstick's docstring."""
    found = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return found.partition("\n")[0]


def main(asked: list[str]) -> int:
    """Run ``asked`` (all when empty), each as its own process; the first failure's exit code, else 0."""
    names = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    if asked == ["list"]:
        print("\n".join(f"{name:16s} {question(name)}" for name in names))
        return 0
    if unknown := set(asked) - set(names):
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
        return 2
    codes = []
    for name in asked or names:
        print(f"\n== {name}: {question(name)}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
