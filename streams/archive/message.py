"""An archived message on its way back to the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.envelope import RESTORED_HEADER, Headers, Publication


class Archived(NamedTuple):
    """One message as the archive has it; the columns of `streams.archive.queries.MESSAGE`, strings as bytes."""

    cluster: bytes
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[Any, bytes]
    ce_id: bytes
    ce_type: bytes
    ce_source: bytes
    ce_time: bytes

    @classmethod
    def of(cls, row: Sequence[Any]) -> Archived:
        """Return a row of the archive as a message."""
        return cls(*row)

    @property
    def place(self) -> bytes:
        """Where it stood first; tells it from every other message."""
        return b"%s/%d/%d" % (self.cluster, self.partition, self.offset)

    def publication(self, value: bytes) -> Publication:
        """Return it ready to be sent again, marked as no news.

        Args:
            value: What is left of its value.
        """
        attributes = (
            ("ce_id", self.ce_id),
            ("ce_type", self.ce_type),
            ("ce_source", self.ce_source),
            ("ce_time", self.ce_time),
        )
        headers: Headers = [(_text(name), text) for name, text in self.headers.items()]
        headers += [(name, text) for name, text in attributes if text]
        headers.append((RESTORED_HEADER, self.place))
        return Publication(value, self.key, headers)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
