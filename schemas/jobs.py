"""What happens to requests that are left to batch interfaces: facts of one shard, in the order of the log.

Internal, as `schemas.batch` is. A shard has one writer, whoever owns the dispatch partition of the same number. Each
begins with `ShardTaken`, and the offset of that record is its *epoch*: every record of a writer carries it, so that a
reader can tell the decisions of one that had been replaced by then. See docs/adr/0008-batch-jobs.md.
"""

from __future__ import annotations

import msgspec

from schemas.batch import Call


class Fact(msgspec.Struct, frozen=True, tag=True, array_like=True, omit_defaults=True, gc=False):
    """Base of what is written: positional on the wire, so fields are only ever appended."""


class ShardTaken(Fact, frozen=True, gc=False):
    """A new writer leads the jobs of this shard from here on."""


class ItemsTaken(Fact, frozen=True, gc=False):
    """These calls are in the batch lane's custody; their dispatch may be acknowledged."""

    calls: list[Call]


class JobIntended(Fact, frozen=True, gc=False):
    """These items are about to be submitted together.

    Attributes:
        job: Follows from the items, and is sent along where the provider keeps metadata.
        items: In the order of their lines.
    """

    job: str
    provider: str
    model: str
    items: list[str]


class InputUploaded(Fact, frozen=True, gc=False):
    """The provider holds the job's lines as a file; nothing is billed for that."""

    job: str
    file: str


class SubmissionBegun(Fact, frozen=True, gc=False):
    """The batch may exist from here on, though nobody has heard of it; before this fact it certainly does not."""

    job: str


class JobCreated(Fact, frozen=True, gc=False):
    """The provider works on the job, or has been found to.

    Attributes:
        batch: The provider's id of it.
        created_at: Unix seconds, by the provider's clock.
    """

    job: str
    batch: str
    created_at: float


class JobRefused(Fact, frozen=True, gc=False):
    """The provider does not take the job, or never got it, and nothing is billed.

    Attributes:
        again: Its items may be submitted with others; otherwise they are called.
    """

    job: str
    reason: str
    again: bool = False


class CancelAsked(Fact, frozen=True, gc=False):
    """The provider has been asked to stop."""

    job: str


class CollectionBegun(Fact, frozen=True, gc=False):
    """The job has ended, and the completions of its items come at or after these positions.

    Attributes:
        positions: Of the completions topic, by partition; one that is missing means the start.
    """

    job: str
    positions: dict[int, int]


class ItemsMoved(Fact, frozen=True, gc=False):
    """These items are called one by one instead; their completions come at or after these positions."""

    items: list[str]
    positions: dict[int, int]


class ItemsAnswered(Fact, frozen=True, gc=False):
    """The completions of these items are durable."""

    items: list[str]


class JobClosed(Fact, frozen=True, gc=False):
    """Every result of the job has its durable completion."""

    job: str


AnyFact = (
    ShardTaken
    | ItemsTaken
    | JobIntended
    | InputUploaded
    | SubmissionBegun
    | JobCreated
    | JobRefused
    | CancelAsked
    | CollectionBegun
    | ItemsMoved
    | ItemsAnswered
    | JobClosed
)


class JobRecord(msgspec.Struct, frozen=True):
    """Facts of one moment.

    Attributes:
        epoch: Of the writer: the offset of its `ShardTaken`; that record itself carries -1.
        at: Unix seconds.
    """

    epoch: int
    at: float
    facts: list[AnyFact]
    version: int = 1
