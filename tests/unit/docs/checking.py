"""Whether a command line is one that can be run, without running it."""

from __future__ import annotations

import re
from typing import Any

import click
import yaml

from streams.cli.app import cli
from streams.cli.invocation import Invocation
from tests.unit.docs.fences import ROOT

TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
ELSEWHERE = {".", "cd", "cp", "curl", "echo", "git", "kcat", "head", "kill", "export", "tail", "ls"}
"""Programs that are not ours."""


def check_asahi(words: tuple[str, ...]) -> None:
    """Parse a command line as `asahi` would, without running it.

    Raises:
        click.ClickException: It is wrong.
    """
    command: click.Command = cli
    context: click.Context | None = None
    arguments = list(words)
    while True:
        context = command.make_context(command.name or "asahi", arguments, parent=context, obj=Invocation())
        if not isinstance(command, click.Group):
            return
        if command.invoke_without_command and not (context._protected_args or context.args):
            return
        name, found, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, f"no command {name}"
        command = found


def check_make(words: tuple[str, ...]) -> None:
    for word in words:
        assert "=" in word or word in TARGETS, f"the Makefile has no target {word}"


def check_compose(words: tuple[str, ...]) -> None:
    assert words[0] == "compose"
    named = {word.partition("=")[0] for word in words if "=" in word}
    assert named <= SERVICES.keys()
    for place, word in enumerate(words):
        if word in {"logs", "restart", "stop"}:
            assert set(words[place + 1 :]) - {"--follow"} <= SERVICES.keys()
        if word == "run":
            service, *arguments = [each for each in words[place + 1 :] if each != "--rm"]
            assert service in SERVICES
            check_asahi(tuple(arguments))


def check(words: tuple[str, ...]) -> None:
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program = words[0].rpartition("/")[2] or words[0]
    if program == "asahi":
        check_asahi(words[1:])
    elif program == "make":
        check_make(words[1:])
    elif program == "docker":
        check_compose(words[1:])
    else:
        assert program in ELSEWHERE, f"what is {program}?"
