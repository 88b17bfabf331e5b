"""What is imported is declared, and what is declared is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
OURS = ("schemas", "streams", "agents", "dashboards")
PART_OF = {
    "chdb-core": "chdb",
    "mode-streaming": "faust-streaming",
    "pydantic-core": "pydantic",
    # one namespace of many packages, and which of them is found first depends on the machine
    "opentelemetry-api": "opentelemetry-sdk",
    "opentelemetry-semantic-conventions": "opentelemetry-sdk",
    "opentelemetry-exporter-http-transport": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-common": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-common": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-proto": "opentelemetry-exporter-otlp-proto-http",
}
"""Imported by their own name, but chosen and versioned by another package."""

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def named(requirement: str) -> str:
    """Return the name of a requirement as package indexes write it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def imported_packages() -> set[str]:
    """Return the distributions that our packages import at their top level or inside functions."""
    modules = set()
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    modules.add((node.module or "").partition(".")[0])
    foreign = modules - set(sys.stdlib_module_names) - set(OURS)
    known = packages_distributions()
    return {named(known[module][0]) for module in foreign}


def test_what_is_imported_is_declared() -> None:
    declared = {named(requirement) for requirement in PROJECT["dependencies"]}
    assert {PART_OF.get(package, package) for package in imported_packages()} <= declared


def test_what_is_declared_is_pinned_without_saying_where_it_comes_from() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9a-z.+]+", line) for line in lines)
    pinned = {named(line) for line in lines}
    for requirements in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        assert {named(requirement) for requirement in requirements} <= pinned
