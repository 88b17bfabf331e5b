"""The candidates of a decision as JSON, put together from pieces that are the same for many requests.

A decision shows every candidate, and of each at most the quality differs from one request to the next. Written as
objects, the candidates would be most of what a decision costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from agents.routing.units import quality_of
from schemas.wire import ExpectedRecord

REMEMBERED_QUALITIES = 16_384
"""More than predictions can be told apart."""
_json = msgspec.json.Encoder()
_QUALITY_FIRST = b'{"quality":'
_NO_QUALITY = _QUALITY_FIRST + _json.encode(0.0)


class Piece(NamedTuple):
    """One candidate in JSON, but for its quality.

    Attributes:
        opening: Its name and what stands before the quality.
        closing: What stands behind the quality.
    """

    opening: bytes
    closing: bytes

    def with_quality(self, quality: int) -> bytes:
        """Return the member of the JSON object; the quality in millionths."""
        return self.opening + quality_text(quality) + self.closing

    def template(self) -> bytes:
        """Return the same with a place for the quality's text, as formatting takes it."""
        return self.opening.replace(b"%", b"%%") + b"%b" + self.closing.replace(b"%", b"%%")


def piece_of(name: str, record: ExpectedRecord) -> Piece:
    """Return the piece of a candidate; the record's quality is left open."""
    encoded = _json.encode(msgspec.structs.replace(record, quality=0.0))
    assert encoded.startswith(_NO_QUALITY), "the quality is written first"
    return Piece(_json.encode(name) + b":" + _QUALITY_FIRST, encoded[len(_NO_QUALITY) :])


def joined(members: Iterable[bytes]) -> msgspec.Raw:
    """Return the JSON object that has these members."""
    return msgspec.Raw(b"{" + b",".join(members) + b"}")


class _Texts(dict[int, bytes]):
    """Texts by quality; a look-up costs half of what a call does."""

    def __missing__(self, quality: int) -> bytes:
        if len(self) >= REMEMBERED_QUALITIES:
            self.clear()
        text = self[quality] = _json.encode(quality_of(quality))
        return text


quality_text: Callable[[int], bytes] = _Texts().__getitem__
"""Returns a quality in millionths as a number in JSON."""
