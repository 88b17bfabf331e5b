"""Many requests of one tenant in one message: what makes bulk work cheap for the broker and the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from streams.submission.window import Entry

REQUESTS_PER_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class BulkMessage:
    """A JSON array of requests.

    Attributes:
        tenant: Of all of them; the message key.
    """

    tenant: str
    value: bytes
    requests: int


def pack(
    entries: Iterable[Entry], most_bytes: int, most_requests: int = REQUESTS_PER_MESSAGE
) -> Iterator[BulkMessage]:
    """Yield the requests as messages, tenant by tenant, in order within each tenant.

    Args:
        entries: What to send.
        most_bytes: A message is closed before it grows beyond this; one request alone may.
        most_requests: Per message.
    """
    by_tenant: dict[str, list[bytes]] = {}
    for entry in entries:
        by_tenant.setdefault(entry.tenant, []).append(entry.body)
    for tenant, bodies in by_tenant.items():
        start, size = 0, 0
        for position, body in enumerate(bodies):
            if position > start and (size + len(body) > most_bytes or position - start >= most_requests):
                yield _message(tenant, bodies[start:position])
                start, size = position, 0
            size += len(body) + 1
        yield _message(tenant, bodies[start:])


def _message(tenant: str, bodies: list[bytes]) -> BulkMessage:
    return BulkMessage(tenant, b"[" + b",".join(bodies) + b"]", len(bodies))
