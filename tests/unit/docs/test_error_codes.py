"""The docs list every code that a result or a dead letter can carry, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from schemas import errors
from tests.unit.docs.fences import ROOT

CARRIERS = {"ProblemRecord", "Failure"} | {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.ProviderError)
}
"""Their first argument is a code."""
CODE = re.compile(r"[a-z]+(_[a-z]+)+")
MAY_HOLD_CODES = (
    *sorted((ROOT / "agents").rglob("*.py")),
    ROOT / "streams" / "stage.py",
    ROOT / "streams" / "sealing" / "codec.py",
)


def strings(node: ast.AST) -> Iterator[str]:
    """Give the texts in an expression."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def constants(trees: list[ast.Module]) -> dict[str, set[str]]:
    """Return the texts in each module-level constant by its name: a code, or codes by something else."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                value = statement.value
                texts = (
                    [each for part in value.values for each in strings(part)] if isinstance(value, ast.Dict) else []
                )
                if isinstance(value, ast.Constant):
                    texts = list(strings(value))
                found.setdefault(statement.targets[0].id, set()).update(texts)
    return found


def codes_in(paths: tuple[Path, ...]) -> set[str]:
    """Return every code with which an error is made in these files."""
    trees = [ast.parse(path.read_bytes()) for path in paths]
    named = constants(trees)
    codes: set[str] = set()
    for node in (each for tree in trees for each in ast.walk(tree)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CARRIERS):
            continue
        if not node.args:
            continue
        codes.update(strings(node.args[0]))
        for part in ast.walk(node.args[0]):
            if isinstance(part, ast.Name):
                codes |= named.get(part.id, set())
            elif isinstance(part, ast.Attribute):
                codes |= named.get(part.attr, set())
    return {code for code in codes if CODE.fullmatch(code)}


def documented() -> set[str]:
    section = (ROOT / "docs" / "events.md").read_text().partition("\n## Errors\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    assert codes_in(MAY_HOLD_CODES) == documented()


def test_codes_are_found_however_they_are_given(tmp_path: Path) -> None:
    source = tmp_path / "room.py"
    source.write_text(
        'LATE = "too_late"\n'
        'CODES = {"missing": "missing_field"}\n'
        'ProblemRecord("plain_code", "a message")\n'
        "Failure(failures.LATE, text)\n"
        'ProblemRecord(CODES.get(kind, "invalid_field"), text)\n'
        'print("not_a_code")\n'
    )
    assert codes_in((source,)) == {"plain_code", "too_late", "missing_field", "invalid_field"}
