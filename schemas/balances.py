"""What budgets stand at, as the writer of a partition notes it: the internal topic `asahi.internal.balances`.

A note is a fold over `asahi.usage` up to a position, so that nobody has to read a month of usage to know what a month
has cost. Internal: it may change with any release; fields are only ever added.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.policy import Period


class Spent(msgspec.Struct, frozen=True, array_like=True):
    """What was spent in one period.

    Attributes:
        start: When the period began, in Unix seconds; 0 for the total.
        usd: Dollars.
    """

    period: Period
    start: int
    usd: Decimal


class Warned(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A threshold of a budget that was passed and told.

    Attributes:
        start: When the period began, in Unix seconds.
        limit_usd: The budget's limit then: a new limit has thresholds of its own.
        share: Of the limit.
    """

    period: Period
    start: int
    limit_usd: Decimal
    share: float


class Balance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one scope of an organization stands at.

    Attributes:
        kind: `tenant`, `team`, `user` or `key`.
        name: Within the organization.
        spent: In the two newest periods of each length in which anything was spent.
        reserved_usd: For requests under way, in dollars.
        warned: What has been told.
    """

    kind: str
    name: str
    spent: list[Spent] = []
    reserved_usd: Decimal = Decimal(0)
    warned: list[Warned] = []


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A reservation that outlasts a takeover by itself, since its call waits in a batch for up to a day.

    Attributes:
        id: The request's.
        expires_at: Unix seconds after which nobody will settle it any more.
    """

    id: str
    usd: Decimal
    team: str | None
    user: str | None
    key_id: str | None
    expires_at: float


class Balances(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one organization stands at, or how far all organizations of the partition are noted.

    Attributes:
        position: Everything on `asahi.usage` before it is counted.
        noted_at: Unix seconds.
        tenant: The organization; None for the note of the partition.
        counted: Ids of the usage events at or behind the position that are counted, too.
        balances: By scope.
        held: Reservations in the batch lane.
    """

    position: int
    noted_at: float
    tenant: str | None = None
    counted: list[str] = []
    balances: list[Balance] = []
    held: list[Held] = []
    version: int = 1
