"""
The plan of the house as rules that read syntax trees; `tests/test_architecture.py` holds every file to them.

Nothing is imported and nothing runs: a rule sees what a file says. Imports under `if TYPE_CHECKING:` count
for the layers, because naming another room's types is knowing that room. They do not count for the lists of
forbidden modules nor for the ban on capturing names: they cost nothing and capture nothing at run time.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LAYERS = {
    **dict.fromkeys(("protocols", "types", "exceptions", "_version"), 0),
    **dict.fromkeys(("_sansio", "_io", "concurrency", "_options"), 1),
    "_runtime": 2,
    "_compose": 3,
    "client": 4,
    "create_client": 5,
    "": 6,  # the front door, soasap/__init__.py
    **dict.fromkeys(("_server", "_devserver", "_relay", "_terminal", "cli", "__main__"), 7),
    **dict.fromkeys(("testing", "pytest_plugin", "openfeature"), 7),
    **dict.fromkeys(("redis", "_redis_client", "_redis_url"), 7),
}
"""Rooms and their layers; a room knows itself and lower layers."""

ANNEX = 7
KNOWS_ONLY = {"_runtime": {"_runtime", "_sansio"}}
"""Rooms that may know less than everything below them; layer 0 is always allowed."""

FORBIDDEN = {
    "_sansio": {
        *(
            "time",
            "datetime",
            "socket",
            "ssl",
            "select",
            "selectors",
            "threading",
            "_thread",
            "queue",
            "asyncio",
        ),
        *("os", "io", "pathlib", "tempfile", "shutil", "subprocess", "signal", "sys", "logging"),
        *("random", "secrets", "uuid", "urllib.request", "http.client", "urllib3", "gevent", "eventlet"),
    },
    "_runtime": {
        "urllib3",
        "threading",
        "_thread",
        "gevent",
        "eventlet",
        "socket",
        "ssl",
        "select",
        "selectors",
    },
}
"""What a room must do without: `_sansio` decides from what it is given, `_runtime` runs what it is handed."""

OPTIONAL = {
    "gevent": "soasap.concurrency.gevent",
    "eventlet": "soasap.concurrency.eventlet",
    **dict.fromkeys(("greenlet", "click", "rich", "watchfiles", "pytest", "openfeature", "redis"), ""),
}
"""Packages that an extra brings, and the only module of the house that may import each. Annexes may, too."""

LATE_IMPORTS = {
    "soasap._compose": "weight: `import soasap` must not load urllib3, ssl and orjson",
    "soasap.concurrency.auto": "weight, and packages that may be missing",
}
"""Modules of the house that may import inside functions, and why."""

CAPTURED = {"threading", "_thread", "time", "socket", "ssl", "queue"}
"""A name taken out of these stays native when gevent or eventlet patch the module later."""

PRIMITIVES = {
    *(
        "Lock",
        "RLock",
        "Event",
        "Condition",
        "Semaphore",
        "BoundedSemaphore",
        "Barrier",
        "Thread",
        "Timer",
        "local",
    ),
    *("allocate_lock", "start_new_thread", "Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"),
    *(
        "socket",
        "create_connection",
        "SSLContext",
        "create_default_context",
        "PoolManager",
        "ThreadPoolExecutor",
    ),
}
"""Made at import they would be native in a process that is patched later."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, in full, with what surrounds the statement."""

    module: str
    line: int
    names: bool
    late: bool
    typing_only: bool


def complaints(module: str, source: str) -> list[str]:
    """What is wrong with the source text of a module of soasap, one sentence each; empty if nothing is."""
    tree = ast.parse(source)
    found = [*_about_outline(module, tree), *_about_primitives(module, tree)]
    for entry in imports(module, tree):
        found += _about_layers(module, entry)
        if not entry.typing_only:
            found += _about_modules(module, entry)
    return found


def rings(sources: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a ring at run time, in order; empty if there is no ring."""
    graph = {
        module: {
            entry.module
            for entry in imports(module, ast.parse(source))
            if entry.module in sources and not entry.typing_only
        }
        for module, source in sources.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def room(module: str) -> str:
    """The room of a module of soasap: the name after the package, empty for the front door."""
    return module.partition(".")[2].partition(".")[0]


def imports(module: str, tree: ast.Module) -> Iterator[Import]:
    """Every import of a module, wherever it stands."""
    yield from _imports(tree.body, late=False, typing_only=False)


def _imports(body: list[ast.stmt], *, late: bool, typing_only: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, False, late, typing_only)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            # `from soasap import types` and `from soasap.concurrency import fork` name modules.
            parts = base == "soasap" or base in {f"soasap.{name}" for name in LAYERS}
            for alias in node.names:
                target = f"{base}.{alias.name}" if parts and _names_module(base, alias.name) else base
                yield Import(target, node.lineno, target == base, late, typing_only)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _imports(node.body, late=True, typing_only=typing_only)
        else:
            guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for name, value in ast.iter_fields(node):
                for inner in value if isinstance(value, list) else []:
                    kind = typing_only or (guard and name == "body")
                    if isinstance(inner, ast.stmt):
                        yield from _imports([inner], late=late, typing_only=kind)
                    elif isinstance(inner, (ast.ExceptHandler, ast.match_case)):
                        yield from _imports(inner.body, late=late, typing_only=kind)


def _names_module(base: str, name: str) -> bool:
    """Whether `from base import name` means a module: rooms and their files are written in lower case."""
    return name in LAYERS if base == "soasap" else name.islower() and base == "soasap.concurrency"


def _about_layers(module: str, entry: Import) -> Iterator[str]:
    if entry.module.startswith("."):
        yield f"{module}:{entry.line} imports {entry.module} relatively; say soasap"
        return
    if entry.module.partition(".")[0] != "soasap":
        return
    here, there = room(module), room(entry.module)
    if here not in LAYERS or there not in LAYERS:
        yield f"{module}:{entry.line} imports {entry.module}, and one of them is in no layer"
        return
    if here == there or LAYERS[here] == LAYERS[there] == ANNEX:
        return
    below = LAYERS[there] < LAYERS[here] or LAYERS[there] == LAYERS[here] == 0
    known = LAYERS[there] == 0 or there in KNOWS_ONLY.get(here, LAYERS)
    if not (below and known):
        who, whom = here or "soasap", there or "soasap"
        yield f"{module}:{entry.line} imports {entry.module}: {who} does not know {whom}"


def _about_modules(module: str, entry: Import) -> Iterator[str]:
    where = f"{module}:{entry.line}"
    here, top = room(module), entry.module.partition(".")[0]
    annex = LAYERS.get(here) == ANNEX
    if {entry.module, top} & FORBIDDEN.get(here, set()):
        yield f"{where} imports {entry.module}, which {here} does without"
    if top in OPTIONAL and not annex and module != OPTIONAL[top]:
        yield f"{where} imports {entry.module}, which only an extra brings"
    green = entry.module in {"soasap.concurrency.gevent", "soasap.concurrency.eventlet"}
    if green and not annex and not (module == "soasap.concurrency.auto" and entry.late):
        yield f"{where} imports {entry.module}, which belongs to whoever found it patched"
    if entry.late and not annex and module not in LATE_IMPORTS:
        yield f"{where} imports {entry.module} inside a function"
    if entry.names and top in CAPTURED:
        yield f"{where} takes names out of {entry.module}: they stay native when it is patched"


def _about_outline(module: str, tree: ast.Module) -> Iterator[str]:
    if not ast.get_docstring(tree):
        yield f"{module} has no docstring"
    private = any(part.startswith("_") for part in module.split("."))
    names = {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    if not private and "__all__" not in names:
        yield f"{module} is public and has no __all__"


def _about_primitives(module: str, tree: ast.Module) -> Iterator[str]:
    for node in _run_at_import(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in PRIMITIVES:
                yield f"{module}:{node.lineno} makes a {name} at import"


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what in it runs at import: class bodies, decorators and defaults; not function bodies."""
    yield node
    function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    for name, value in ast.iter_fields(node):
        if function and name in {"body", "returns"}:
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                yield from _run_at_import(inner)
