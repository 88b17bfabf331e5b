"""Who may import whom. The rooms meet at topics, and the pure ones know no clock, network or chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = ("schemas", "streams", "agents", "dashboards", "benchmarks", "tests")

MAY_IMPORT = {
    "schemas": {"schemas"},
    "streams": {"schemas", "streams"},
    "dashboards": {"schemas", "streams", "dashboards"},
    "agents": {"schemas", "streams", "agents"},
}
COMPOSITION_ROOT = {"agents.bootstrap", "agents.worker"}
"""The only modules that know more than one room."""

PURE_ROOMS = ("agents.governance", "agents.cache", "agents.windows", "agents.routing", "agents.accounting", "schemas")
PURE_MODULES = ("streams.stage", "streams.topics")
THIN_AGENTS = ("agent",)
"""Modules of a room that tie its pure functions to the log."""
IMPURE = {"faust", "mode", "aiokafka", "httpx", "time", "random", "secrets", "uuid", "asyncio", "socket", "threading"}

MAX_LINES = 300


@dataclass(frozen=True)
class Module:
    """One of our modules: its dotted name, where it is, and every module it names in an import."""

    name: str
    path: Path
    imports: frozenset[str]


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who is imported"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> list[Module]:
    found = []
    for package in MAY_IMPORT:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Module(name, path, frozenset(imported(ast.parse(path.read_bytes())))))
    return found


MODULES = modules()


def named(module: Module) -> str:
    return module.name


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
    return in_room and module.name.rpartition(".")[2] not in THIN_AGENTS


def test_there_is_something_to_check() -> None:
    assert {room_of(module.name) for module in MODULES} >= {"governance", "cache", "windows", "routing", "accounting"}


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_packages_import_only_what_lies_below_them(module: Module) -> None:
    allowed = MAY_IMPORT[module.name.partition(".")[0]]
    packages = {name.partition(".")[0] for name in module.imports}
    assert (packages & set(OURS)) <= allowed


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module.name)], ids=named)
def test_rooms_never_import_each_other(module: Module) -> None:
    if module.name in COMPOSITION_ROOT:
        return
    rooms = {room_of(name) for name in module.imports} - {None}
    assert rooms <= {room_of(module.name)}


@pytest.mark.parametrize("module", [module for module in MODULES if is_pure(module)], ids=named)
def test_the_core_is_pure(module: Module) -> None:
    assert {name.partition(".")[0] for name in module.imports} & IMPURE == set()


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_module_is_too_long_to_read(module: Module) -> None:
    assert len(module.path.read_text().splitlines()) <= MAX_LINES
