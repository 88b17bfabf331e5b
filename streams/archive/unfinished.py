"""What is left of an archived message of requests once those with a result are taken out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

ARRAY_OPENS = b"["
WHITESPACE = b" \t\r\n"


class _Identity(msgspec.Struct):
    """What tells one request from another; anything else in it is none of our business here."""

    id: str
    tenant: str


_messages = msgspec.json.Decoder(list[msgspec.Raw])
_identities = msgspec.json.Decoder(_Identity)

Finished = Callable[[str, str], bool]
"""Whether the request of this tenant with this id has its result."""


def without_finished(value: bytes, finished: Finished) -> bytes | None:
    """Return a message with the requests that have no result yet, byte for byte as they were sent.

    Args:
        value: One request or a JSON array of them.
        finished: Whether a request has its result.

    Returns:
        The message to send again; None when nothing in it is unfinished.
    """
    bodies = _bodies(value)
    left = [body for body in bodies if (known := _identity(body)) and not finished(known.tenant, known.id)]
    if not left:
        return None
    if len(left) == len(bodies):
        return value
    return b"[" + b",".join(left) + b"]"


def _bodies(value: bytes) -> list[bytes]:
    if not value.lstrip(WHITESPACE).startswith(ARRAY_OPENS):
        return [value]
    try:
        return [bytes(body) for body in _messages.decode(value)]
    except msgspec.DecodeError:
        return []


def _identity(body: bytes) -> _Identity | None:
    try:
        return _identities.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
