"""The rules of the architecture that imports alone cannot say, as functions from a parsed module to breaches.

The order of the rooms is import-linter's (``pyproject.toml``). Here: what is pure, who may import the shell
of a room, where frameworks, clocks and commits may appear, whose rows are whose, and sizes.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator

from tests.parsed import NOT_A_DOMAIN, ROOT, Module, shell_of

KERNEL = {"money", "errors", "events", "ids", "states", "experiments"}
PURE_LIBRARIES = {"numpy", "numpy_financial", "stdnum", "phonenumbers", "jinja2", "babel"}
IMPURE_STANDARD = {
    *(
        "asyncio",
        "ctypes",
        "http",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
    ),
    *("smtplib", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib"),
}
SHAPELESS = {"utils", "util", "helpers", "helper", "constants", "common", "misc", "managers", "services"}
CLOCK_CALL = re.compile(
    r"\b(datetime|date|func|sa)\.(now|utcnow|today|current_timestamp|current_date)$"
    r"|\btime\.(time|time_ns|localtime|gmtime|ctime|strftime)$"
)
CLOCK_SQL = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp)\(\)|\bcurrent_(timestamp|date)\b", re.IGNORECASE
)
MIGRATIONS = "refi.db.migrations.versions."  # written by Alembic and never edited again
LONGEST_FUNCTION = 50
LONGEST_MODULE = 300


Breaches = Iterator[tuple[int, str]]
Rule = Callable[[Module], Breaches]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Register a rule; its docstring is the sentence that a failure shows."""
    RULES[check.__name__] = check
    return check


@rule
def pure_modules_are_pure(module: Module) -> Breaches:
    """A domain module not named tables, service, handlers, jobs, routes does no I/O and reads no clock."""
    if not module.is_pure:
        return
    for found in module.imports:
        top = found.name.split(".")[0]
        if top == "refi":
            if not _is_pure_of_ours(found.name):
                yield found.line, f"imports {found.name}"
        elif top in IMPURE_STANDARD or top not in {*sys.stdlib_module_names, *PURE_LIBRARIES}:
            yield found.line, f"imports {found.name}"
    for node in module.walk(ast.Await):
        yield node.lineno, "waits"
    for call in module.walk(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in {"open", "print", "input"}:
            yield call.lineno, f"calls {call.func.id}()"


def _is_pure_of_ours(name: str) -> bool:
    parts = name.split(".")
    if parts == ["refi", "policies", "load"] or parts[:3] == ["refi", "policies", "loader"]:
        return False
    if len(parts) < 2 or parts[1] in {*KERNEL, "policies"}:
        return len(parts) > 1
    return parts[1] not in {*NOT_A_DOMAIN, "clock", "settings", "runtime", "close", "scheduler", "cli"} and (
        len(parts) > 2 and not shell_of(parts[2])
    )


@rule
def a_room_is_entered_through_its_shell(module: Module) -> Breaches:
    """Inside a room routes, jobs and handlers are strangers that call the service, which uses the tables."""
    order = {"tables": 0, "service": 1, "routes": 2, "jobs": 2, "handlers": 2}
    if not module.is_domain or not module.shell:
        return
    for found in module.imports:
        parts = found.name.split(".")
        if parts[:2] != ["refi", module.room] or len(parts) < 3 or not (other := shell_of(parts[2])):
            continue
        if order[other] > order[module.shell] or (order[other] == 2 and other != module.shell):
            yield found.line, f"imports {found.name}"


@rule
def the_shell_has_one_reader(module: Module) -> Breaches:
    """Only api imports routes, only runtime handlers, only close, scheduler and runtime import jobs."""
    readers = {"routes": {"api"}, "handlers": {"runtime"}, "jobs": {"close", "scheduler", "runtime"}}
    for found in module.imports:
        parts = found.name.split(".")
        if parts[0] != "refi" or len(parts) < 3 or parts[1] in {*NOT_A_DOMAIN, module.room}:
            continue
        if module.room not in readers.get(shell_of(parts[2]), {module.room}):
            yield found.line, f"imports {found.name}"


@rule
def libraries_stay_in_their_place(module: Module) -> Breaches:
    """FastAPI is for routes, web, pages, api, sandbox; httpx and SMTP for gateways; npf for schedules."""
    speaks_http = module.room in {"web", "console", "borrower_web", "api"} or module.shell == "routes"
    speaks_http = speaks_http or module.name.startswith("refi.gateways.sandbox")
    # The demo is a customer of the service.
    is_client = module.room in {"gateways", "demo"} or module.name == "refi.cli.demo"
    places = {
        ("fastapi", "starlette"): speaks_http,
        ("httpx", "smtplib", "aiosmtplib", "urllib.request", "requests"): is_client,
        ("numpy_financial",): module.room == "schedules",
    }
    for found in module.imports:
        for libraries, allowed in places.items():
            if found.within(*libraries) and not allowed:
                yield found.line, f"imports {found.name}"


@rule
def one_reader_of_the_clock(module: Module) -> Breaches:
    """Only refi/clock.py reads the wall clock; a database's now() is a wall clock too."""
    if module.name == "refi.clock":
        return
    for call in module.walk(ast.Call):
        if CLOCK_CALL.search(spelled := ast.unparse(call.func)):
            yield call.lineno, f"calls {spelled}()"
    for found in module.imports:
        if CLOCK_CALL.search(found.name) and found.within("time"):
            yield found.line, f"imports {found.name}"
    if module.name == "refi.db.queue":  # a queued job falls due by the queue's clock, which is the database's
        return
    for text in module.texts():
        if clock := CLOCK_SQL.search(str(text.value)):
            yield text.lineno, f"SQL reads {clock[0]}"


@rule
def one_place_commits(module: Module) -> Breaches:
    """Only refi/db/work.py commits (migrations do with Alembic, the sandbox provider has its own file)."""
    if module.name.startswith(("refi.db.work", "refi.db.migrat", "refi.gateways.sandbox.")):
        return
    for call in module.walk(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"commit", "begin"}:
            yield call.lineno, f"calls {call.func.attr}()"


@rule
def rows_are_written_by_their_own_room(module: Module) -> Breaches:
    """A room's rows are made and changed only by its own service."""
    foreign = {
        alias.asname or alias.name: node.module
        for node in module.walk(ast.ImportFrom)
        if node.module and node.module.endswith(".tables")
        if node.module.split(".")[1] != module.room
        for alias in node.names
        if alias.name in _tables_of(node.module)
    }
    for call in module.walk(ast.Call):
        writer = call.func.id if isinstance(call.func, ast.Name) else ""
        target = call.args[0].id if call.args and isinstance(call.args[0], ast.Name) else ""
        if writer in foreign:
            yield call.lineno, f"makes a row {writer} of {foreign[writer]}"
        elif writer in {"insert", "update", "delete"} and target in foreign:
            yield call.lineno, f"{writer}s {target} of {foreign[target]}"


@rule
def functions_are_short(module: Module) -> Breaches:
    """A function has at most 50 lines, its docstring not counted."""
    if module.name.startswith(MIGRATIONS):
        return
    for node in module.functions():
        body = node.body[1:] if ast.get_docstring(node) else node.body
        length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
        if length > LONGEST_FUNCTION:
            yield node.lineno, f"{node.name} has {length} lines"


@rule
def modules_are_short(module: Module) -> Breaches:
    """A module has at most 300 lines: one idea each."""
    length = len(module.source.splitlines())
    if length > LONGEST_MODULE and not module.name.startswith(MIGRATIONS):
        yield LONGEST_MODULE + 1, f"has {length} lines"


@rule
def modules_say_what_they_are_for(module: Module) -> Breaches:
    """Every module begins with a docstring."""
    if not ast.get_docstring(module.tree):
        yield 1, "has no docstring"


@rule
def names_mean_something(module: Module) -> Breaches:
    """No module of leftovers, no Manager, Helper, Handler, Util or Service class."""
    if module.parts[-1] in SHAPELESS:
        yield 1, f"is called {module.parts[-1]}"
    for node in module.walk(ast.ClassDef):
        if re.search(r"\w(Manager|Helper|Helpers|Handler|Util|Utils|Service|Repository)$", node.name):
            yield node.lineno, f"class {node.name}"


def _tables_of(name: str) -> set[str]:
    """The classes of a tables module that are tables."""
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__tablename__"
    }


def breaches(check: Rule, modules: list[Module]) -> list[str]:
    """The breaches of one rule, each with its place."""
    return [f"{module.path}:{line}: {what}" for module in modules for line, what in check(module)]
