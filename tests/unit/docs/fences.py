"""The fenced blocks of the pages that people read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
SHELLS = ("sh", "console", "bash", "shell")

_FENCE = re.compile(r"^```(\w*)(?: +(\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SEPARATORS = ("|", "||", "&&", ";", "&")
_PROMPT = "$ "


@dataclass(frozen=True)
class Fence:
    """One block.

    Attributes:
        language: The first word behind the fence.
        kind: The second word, such as `request` of `json request`.
    """

    page: Path
    line: int
    language: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a pipeline in a shell block."""

    fence: Fence
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.fence}: {shlex.join(self.words)}"


def fences(*languages: str) -> list[Fence]:
    """Return the blocks in these languages; all of them without any."""
    return [fence for page in PAGES for fence in _fences_of(page) if not languages or fence.language in languages]


def _fences_of(page: Path) -> Iterator[Fence]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Fence(page, line, found[1], found[2] or "", found[3])


SIGNING = "signing"
SEALING = "sealing"
VERIFYING = "verifying"
"""Kinds of the blocks that tests of their own run."""


def commands() -> list[Command]:
    """Return every command of every shell block; of a `console` block only what follows a prompt."""
    shown = [fence for fence in fences(*SHELLS) if fence.kind != SIGNING]
    return [command for fence in shown for command in commands_of(fence)]


def commands_of(fence: Fence) -> Iterator[Command]:
    """Give the commands of one block, as a shell would split them."""
    text = fence.text.replace("\\\n", " ")
    lines = text.splitlines()
    if fence.language == "console":
        lines = [line.removeprefix(_PROMPT) for line in lines if line.startswith(_PROMPT)]
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in _SEPARATORS:
                words.append(word)
            elif words:
                yield Command(fence, tuple(words))
                words = []
