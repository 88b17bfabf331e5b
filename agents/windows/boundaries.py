"""Where a beginning that requests share may end, and a keyed hash of each such beginning. Pure.

A beginning consists of the tools, the form of the answer and the first messages; within a message it may end
between two content parts, or in a text behind a line. Which lines depends on nothing behind them: two requests that
begin alike have the same boundaries as far as they are alike. One boundary more is the last blank line of a text,
behind which the question stands when a document comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import orjson

from schemas.request import Message, Request
from schemas.tokens import CHARS_PER_TOKEN

DIGEST_BYTES = 16
LEAST_STEP = 1_024
"""Characters between two boundaries in a text, at least."""
STEP_SHARE = 16
"""The steps grow with the text: each is at least this part of what lies before it."""
FIRST_KEPT = 4
"""Of too many boundaries, those at the beginning that stay besides the last ones."""


class Kind(IntEnum):
    """What a boundary stands behind; how likely the same beginning comes again depends on it."""

    MESSAGE = 0  # not the last one
    END = 1  # the last message: it comes again when a conversation goes on
    PART = 2  # a content part
    LINE = 3  # somewhere in a text
    PARAGRAPH = 4  # the last blank line of that text


class Boundary(NamedTuple):
    """A place where a shared beginning may end.

    Attributes:
        digest: Of everything before it; nobody can guess at it without the key.
        tokens: Estimated length of what lies before it.
        messages: Whole messages before it.
        into: Of the message behind these: characters of its text, or content parts where it has parts.
    """

    digest: bytes
    tokens: int
    messages: int
    into: int
    kind: Kind


def boundaries_of(request: Request, key: bytes, least_tokens: int, most: int) -> list[Boundary]:
    """Return the boundaries of a request that lie far enough from its start, the first one first.

    Those inside a message that is not the last are told only of the first few, which stay as a conversation goes on.

    Args:
        request: Of one tenant, which is part of every digest.
        key: Of the hash, at most 64 bytes.
        least_tokens: Least length of a beginning.
        most: Most boundaries to return, at least two; of more, the first few and the last ones.
    """
    found: list[Boundary] = []
    last = len(request.messages or ()) - 1
    for boundary in _boundaries(request, key):
        inside = boundary.into and request.messages is not None and boundary.messages < last
        if boundary.tokens >= least_tokens and not (inside and len(found) >= FIRST_KEPT):
            found.append(boundary)
    if len(found) <= most:
        return found
    first = min(FIRST_KEPT, most // 2)
    return found[:first] + found[first - most :]


def _boundaries(request: Request, key: bytes) -> Iterator[Boundary]:
    root = orjson.dumps([request.tenant, request.tools, request.response_format])
    running = blake2b(root, key=key, digest_size=DIGEST_BYTES)
    chars = len(root)
    messages = request.messages or ()
    for index, message in enumerate(messages):
        head = orjson.dumps([message.role, message.name, message.tool_calls, message.tool_call_id])
        last = index == len(messages) - 1
        running.update(head)
        chars += len(head)
        for piece, into, kind in _pieces(message):
            running.update(piece)
            chars += len(piece)
            if into:
                yield Boundary(running.digest(), chars // CHARS_PER_TOKEN, index, into, kind)
        running.update(b"\x00")
        kind = Kind.END if last else Kind.MESSAGE
        yield Boundary(running.digest(), chars // CHARS_PER_TOKEN, index + 1, 0, kind)
    if request.prompt is not None:  # its end is no boundary: the same again is what the cache of answers is for
        for piece, into, kind in _text_pieces(request.prompt):
            running.update(piece)
            chars += len(piece)
            if into:
                yield Boundary(running.digest(), chars // CHARS_PER_TOKEN, 0, into, kind)


def _pieces(message: Message) -> Iterator[tuple[bytes, int, Kind]]:
    """Yield the content in pieces, each with the boundary behind it; 0 where there is none."""
    content = message.content
    if isinstance(content, str):
        yield from _text_pieces(content)
        return
    for number, part in enumerate(content or (), start=1):
        yield b"\x01" + orjson.dumps(part), number if number < len(content or ()) else 0, Kind.PART


def _text_pieces(text: str) -> Iterator[tuple[bytes, int, Kind]]:
    lines = set(_lines(text))
    paragraph = _last_paragraph(text)
    places = sorted({0, *lines, paragraph, len(text)})
    for start, end in pairwise(places):
        kind = Kind.PARAGRAPH if end == paragraph else Kind.LINE
        yield _encoded(text[start:end]), end if end < len(text) else 0, kind


def _lines(text: str) -> Iterator[int]:
    """Yield ends of lines, at growing distances."""
    place = 0
    while (place := text.find("\n", place + max(LEAST_STEP, place // STEP_SHARE)) + 1) > 0:
        yield place


def _last_paragraph(text: str) -> int:
    """Return where the last paragraph begins, or 0."""
    place = text.rstrip().rfind("\n\n")
    return 0 if place < 0 else place + 2


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
