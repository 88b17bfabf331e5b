"""Who may import whom. The rooms meet at topics, and the pure ones know no clock, network or chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
OURS = ("schemas", "streams", "agents", "dashboards", "benchmarks", "tests")

MAY_IMPORT = {
    "schemas": {"schemas"},
    "streams": {"schemas", "streams"},
    "dashboards": {"schemas", "streams", "dashboards"},
    "agents": {"schemas", "streams", "agents"},
}
COMPOSITION_ROOT = {
    "agents.bootstrap",
    "agents.cache.commands.evict",
    "agents.cache.commands.inspect",
    "agents.cache.commands.warm",
    "agents.pipeline",
    "agents.recommend.asking",
    "agents.recommend.command",
    "agents.recommend.reading",
    "agents.refill",
    "agents.worker",
}
"""The only modules that know more than one room."""

PURE_ROOMS = (
    "agents.governance",
    "agents.cache",
    "agents.windows",
    "agents.routing",
    "agents.accounting",
    "agents.analytics.anomalies",
    "agents.analytics.forecasts",
    "agents.recommendations",
    "schemas",
)
PURE_MODULES = (
    "streams.stage",
    "streams.topics",
    "agents.providers.batches.book",
    "agents.providers.batches.completions",
    "agents.providers.batches.identity",
    "agents.providers.batches.packing",
    "agents.providers.batches.plan",
)
THIN_AGENTS = ("agent",)
"""Modules of a room that tie its pure functions to the log."""
COMMANDS = ("agents.governance.commands", "agents.cache.commands")
"""What people run: they read clocks and the log, and leave every decision to the pure modules beside them."""
IMPURE = {"faust", "mode", "aiokafka", "httpx", "time", "random", "secrets", "uuid", "asyncio", "socket", "threading"}

MAX_LINES = 300


@dataclass(frozen=True)
class Module:
    """One of our modules: its dotted name, every module it names in an import, and its length in lines."""

    name: str
    imports: frozenset[str]
    lines: int

    @property
    def packages(self) -> set[str]:
        """The top-level packages it imports from."""
        return {name.partition(".")[0] for name in self.imports}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who is imported"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules() -> list[Module]:
    found = []
    for package in MAY_IMPORT:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = path.read_text()
            found.append(Module(name, frozenset(imported(ast.parse(text))), len(text.splitlines())))
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def room_of(name: str) -> str | None:
    """Return the stage that a module below `agents` belongs to; None for the package itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == "agents" and len(parts) > 1 else None


def is_pure(module: Module) -> bool:
    if module.name in PURE_MODULES:
        return True
    in_room = any(within(module.name, room) for room in PURE_ROOMS)
    if any(within(module.name, commands) for commands in COMMANDS):
        return False
    return in_room and module.name.rpartition(".")[2] not in THIN_AGENTS


def test_there_is_something_to_check() -> None:
    assert {room_of(module.name) for module in modules()} >= {
        "governance",
        "cache",
        "windows",
        "routing",
        "accounting",
    }


def test_packages_import_only_what_lies_below_them() -> None:
    upwards = {
        module.name: foreign
        for module in modules()
        if (foreign := module.packages & set(OURS) - MAY_IMPORT[module.name.partition(".")[0]])
    }
    assert upwards == {}


def test_rooms_never_import_each_other() -> None:
    across = {
        module.name: others
        for module in modules()
        if room_of(module.name)
        and module.name not in COMPOSITION_ROOT
        and (others := {room_of(name) for name in module.imports} - {None, room_of(module.name)})
    }
    assert across == {}


def test_the_core_is_pure() -> None:
    impure = {module.name: found for module in modules() if is_pure(module) and (found := module.packages & IMPURE)}
    assert impure == {}


def test_no_module_is_too_long_to_read() -> None:
    assert {module.name: module.lines for module in modules() if module.lines > MAX_LINES} == {}
