"""Every command in the docs is one that exists, with options that it has."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.unit.docs.checking import check
from tests.unit.docs.fences import Command, Fence, commands, commands_of


@pytest.mark.parametrize("command", commands(), ids=str)
def test_command_exists(command: Command) -> None:
    check(command.words)


@pytest.mark.parametrize(
    "line",
    [
        "asahi submit",
        "asahi submit a.jsonl --output b.jsonl --colour blue",
        "asahi submit a.jsonl --output b.jsonl --concurrency many",
        "asahi dance",
        "make dance",
        "docker compose up --scale dancer=2",
        "docker compose run --rm worker dance",
        "dance",
    ],
)
def test_wrong_commands_are_found(line: str) -> None:
    with pytest.raises((click.ClickException, AssertionError)):
        check(tuple(line.split()))


def test_blocks_are_split_as_a_shell_would() -> None:
    text = "$ asahi topics --json | head -n 1 && make test # all\nNot a command\n$ A=1 asahi schema \\\n  request\n"
    found = commands_of(Fence(Path(), 1, "console", "", text))
    assert [command.words for command in found] == [
        ("asahi", "topics", "--json"),
        ("head", "-n", "1"),
        ("make", "test"),
        ("A=1", "asahi", "schema", "request"),
    ]
