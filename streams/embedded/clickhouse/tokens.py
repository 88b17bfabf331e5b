"""The words of a statement: a lexer of ClickHouse's SQL, without a grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
      (?P<space>\s+|--[^\n]*|/\*.*?\*/|\#[ !][^\n]*)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[\w$]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, literal or sign of a statement.

    Attributes:
        kind: `word`, `string`, `quoted` (a name), `heredoc` or `other`.
        value: Its text; words in capitals.
        start: Where it begins.
        end: Where it ends.
        depth: In how many brackets it stands; a bracket itself stands outside.
    """

    kind: str
    value: bytes
    start: int
    end: int
    depth: int

    def is_word(self, *words: bytes) -> bool:
        """Whether it is one of these words, outside all brackets."""
        return self.kind == "word" and self.depth == 0 and self.value in words


def tokens(sql: bytes) -> Iterator[Token]:
    """The tokens of a statement one after the other: what is not asked for is not looked at."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "other"
        if kind == "space":
            continue
        value = match.group()
        if kind == "word":
            value = value.upper()
        elif kind == "other" and value in b")]}":
            depth -= 1
        yield Token(kind, value, match.start(), match.end(), depth)
        if kind == "other" and value in b"([{":
            depth += 1
