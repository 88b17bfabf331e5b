"""What can become of a message when it is read: expected outcomes are values, not exceptions."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.request import Request
from schemas.wire import ProblemRecord


@dataclass(frozen=True, slots=True)
class Ok:
    """A valid request.

    Attributes:
        body: The request's own JSON.
        digest: Hex BLAKE2b-128 of the canonical request.
    """

    request: Request
    body: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not a valid request, but its id could be read: it gets a rejection as its result.

    Attributes:
        digest: Hex BLAKE2b-128 of the body as sent.
    """

    request_id: str
    tenant: str | None
    user: str | None
    digest: str
    problem: ProblemRecord


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """No id could be read: it goes to the dead-letter topic.

    Attributes:
        value: The offending bytes.
        position: Place in a bulk message; 0 otherwise.
    """

    problem: ProblemRecord
    value: bytes
    position: int = 0


Outcome = Ok | Rejected | DeadLettered


class New:
    """The request was not known."""


@dataclass(frozen=True, slots=True)
class Known:
    """The same request came before.

    Attributes:
        offset: Of its result in `asahi.results`, or None while it is under way.
    """

    offset: int | None


class Conflict:
    """Another request came before under the same id."""


Sighting = New | Known | Conflict
