"""The outermost members of a JSON text, found without parsing it.

For texts that no parser accepts: brackets are counted and strings skipped, nothing else is looked at. Strings are
skipped by one regular expression step each, so a 10 MB prompt costs milliseconds and any depth costs no stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

MAX_TOKENS = 500_000
"""Brackets, commas, colons and strings looked at before giving up: about 0.1 s."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},:]', re.DOTALL)
_QUOTE, _COLON, _COMMA = b'":,'
_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")


class Member(NamedTuple):
    """One element of an array, or one value of an object with its key as it is written, quotes included."""

    key: bytes | None
    start: int
    end: int


class Outline(NamedTuple):
    """The outermost members of a text.

    Attributes:
        members: Those that are finished.
        complete: The outermost bracket was closed.
        rest: Where the text begins that belongs to no finished member.
        open_key: Key of the member that `rest` begins with, when it has one.
    """

    members: list[Member]
    complete: bool
    rest: int
    open_key: bytes | None = None


def outline(text: bytes, max_members: int) -> Outline:
    """Return the outermost members of an object or array, however malformed what they hold.

    Stops at the first unterminated string, after `max_members` members, and after `MAX_TOKENS` marks.
    """
    members: list[Member] = []
    start = 0
    key = string = None
    for mark, token in _outermost(text):
        if mark == _QUOTE:
            string = token.group()
        elif mark == _COLON:
            if key is None:
                start, key = token.end(), string
        elif mark == _COMMA:
            members.append(Member(key, start, token.start()))
            start, key = token.end(), None
            if len(members) == max_members:
                break
        elif mark in _OPENING:
            start = token.end()
        else:
            if members or text[start : token.start()].strip():
                members.append(Member(key, start, token.start()))
            return Outline(members, complete=True, rest=token.end())
    return Outline(members, complete=False, rest=start, open_key=key)


def _outermost(text: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Give the marks of the outermost level, its brackets included, as long as it is certain which those are."""
    depth = 0
    for token in islice(_TOKEN.finditer(text), MAX_TOKENS):
        mark = text[token.start()]
        if mark in _OPENING:
            depth += 1
            if depth == 1:
                yield mark, token
            continue
        if depth == 0 or (mark == _QUOTE and token.end() - token.start() == 1):
            return
        if depth == 1:
            yield mark, token
        if mark in _CLOSING:
            depth -= 1
