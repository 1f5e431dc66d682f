"""Modules as the architecture's rules see them: dotted names, parsed source, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
ROOT = Path(__file__).parent.parent
SHELL = {"tables", "service", "handlers", "jobs", "routes"}
NOT_A_DOMAIN = {
    *("api", "borrower_web", "cli", "close", "console", "db", "demo", "gateways", "policies", "runtime"),
    *("scheduler", "web"),
}


def shell_of(name: str) -> str:
    """The part of the standard shell that a module's name says; a ``news_service`` is a service too."""
    last = name.rsplit("_", 1)[-1]
    return last if name in SHELL or last in SHELL - {"tables"} else ""


@dataclass(frozen=True)
class Import:
    """One imported module or name, with the line of the statement."""

    line: int
    name: str

    def within(self, *modules: str) -> bool:
        """Whether this is one of ``modules`` or something inside one."""
        return any(self.name == module or self.name.startswith(module + ".") for module in modules)


@dataclass(frozen=True)
class Module:
    """A parsed module: ``name`` is dotted (``refi.loans.service``), ``path`` is what a failure shows."""

    name: str
    path: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @property
    def parts(self) -> list[str]:
        return self.name.split(".")

    @property
    def room(self) -> str:
        """The package (or module) directly under ``refi``."""
        return self.parts[1] if len(self.parts) > 1 else ""

    @property
    def is_domain(self) -> bool:
        return len(self.parts) > 2 and self.room not in NOT_A_DOMAIN

    @property
    def shell(self) -> str:
        """Which part of the standard shell this is; empty when it is none."""
        return shell_of(self.parts[-1])

    @property
    def is_pure(self) -> bool:
        return self.is_domain and not self.shell

    @cached_property
    def imports(self) -> list[Import]:
        """Every import, also inside functions; ``from a import b`` counts as ``a.b``."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [Import(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [Import(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        return found

    def walk(self, kind: type[Node]) -> Iterator[Node]:
        """Every node of one kind."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kind))

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method."""
        yield from self.walk(ast.FunctionDef)
        yield from self.walk(ast.AsyncFunctionDef)

    def texts(self) -> Iterator[ast.Constant]:
        """Text that is not a docstring or a bare explaining string."""
        bare = {id(node.value) for node in self.walk(ast.Expr)}
        for node in self.walk(ast.Constant):
            if isinstance(node.value, str) and id(node) not in bare:
                yield node


def modules_under(*places: str) -> list[Module]:
    """Every module of the given directories, parsed lazily."""
    found = []
    for place in places:
        for path in sorted((ROOT / place).rglob("*.py")):
            relative = path.relative_to(ROOT)
            name = ".".join(relative.with_suffix("").parts)
            found.append(Module(name, str(relative), path.read_text(encoding="utf-8")))
    return found
