"""What a worker has written, counted batch by batch with plain dictionaries and integers.

One thread fills and reads them, so there is nothing to lock. Money is added up as `Decimal` and becomes a floating
point number only when it is shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import attrgetter

from schemas.result import Lane, Status
from schemas.wire import DeadLetterRecord, ResultRecord, SavingsRecord, UsageRecord
from streams.metrics.catalogue import REQUEST_SECONDS

MS_PER_SECOND = 1000.0
NOTHING = Decimal(0)
CAUSES = SavingsRecord.__struct_fields__
FAULTS = (("intake", "internal_error"), ("accounting", "internal_error"))
"""Told from the start, as 0: Prometheus sees no rise where a figure begins with 1."""
NOBODY = ""
"""In the place of a tenant where none is told apart."""
OTHER = "other"

_amounts = attrgetter(*CAUSES)
_REQUEST_MS = tuple(bound * MS_PER_SECOND for bound in REQUEST_SECONDS)
_POWERS = 33
"""Of four, up to the largest number of tokens a completion can hold, which has 64 bits."""


class Ended:
    """Results of one status and lane: how many, by how long they took."""

    __slots__ = ("counts", "milliseconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_REQUEST_MS) + 1)
        self.milliseconds = 0.0

    def add(self, other: Ended) -> None:
        """Add what another has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.milliseconds += other.milliseconds


class Paid:
    """Paid calls of one model at one provider.

    Attributes:
        input_counts: Calls by the length of what was sent: at `n` those above 4 ** (n - 1) tokens, up to 4 ** n.
        output_counts: The same of what was generated.
    """

    __slots__ = (
        "cached",
        "cost",
        "input",
        "input_counts",
        "output",
        "output_counts",
        "reasoning",
        "superseded",
        "written",
    )

    def __init__(self) -> None:
        self.superseded = 0
        self.input = self.cached = self.written = self.output = self.reasoning = 0
        self.input_counts = [0] * _POWERS
        self.output_counts = [0] * _POWERS
        self.cost = NOTHING

    @property
    def calls(self) -> int:
        """How many."""
        return sum(self.output_counts)


class Tally:
    """Totals since the process started.

    Args:
        tenants: Most tenants that are told apart; 0 tells none apart.

    Attributes:
        ended: Results by status, lane and tenant.
        problems: Results without an answer, by status and code.
        hits: Results from the cache, by its tier.
        saved: What was saved, by cause.
        extra: What was spent on top, by cause.
        paid: Paid calls by model, provider and tenant.
        letters: Dead letters by stage and code.
    """

    def __init__(self, tenants: int = 0) -> None:
        self.ended: dict[tuple[Status, Lane | None, str], Ended] = {}
        self.problems: dict[tuple[Status, str], int] = {}
        self.hits: dict[str, int] = {}
        self.saved: dict[str, Decimal] = {}
        self.extra: dict[str, Decimal] = {}
        self.paid: dict[tuple[str, str, str], Paid] = {}
        self.letters: dict[tuple[str, str], int] = dict.fromkeys(FAULTS, 0)
        self._most_tenants = tenants
        self._tenants: set[str] = set()

    @property
    def tells_tenants(self) -> bool:
        """Whether tenants are told apart."""
        return self._most_tenants > 0

    def results(self, results: Sequence[ResultRecord]) -> None:
        """Count results that are durable now."""
        ended = self.ended
        tenant = NOBODY
        for result in results:
            if self._most_tenants:
                tenant = self._told(result.tenant, known=result.status is not Status.REJECTED)
            key = (result.status, result.lane, tenant)
            row = ended.get(key)
            if row is None:
                row = ended[key] = Ended()
            milliseconds = result.latency_ms
            row.counts[bisect_left(_REQUEST_MS, milliseconds)] += 1
            row.milliseconds += milliseconds
            if result.cache is not None:
                self.hits[result.cache.tier] = self.hits.get(result.cache.tier, 0) + 1
            if result.error is not None:
                problem = (result.status, result.error.code)
                self.problems[problem] = self.problems.get(problem, 0) + 1
        self._save([result.savings for result in results])

    def usages(self, usages: Iterable[UsageRecord]) -> None:
        """Count paid calls whose events are durable now."""
        paid = self.paid
        tenant = NOBODY
        for usage in usages:
            if self._most_tenants:
                tenant = self._told(usage.tenant, known=True)
            key = (usage.model, usage.provider, tenant)
            row = paid.get(key)
            if row is None:
                row = paid[key] = Paid()
            row.cost += Decimal(usage.cost_usd)
            if usage.superseded:
                row.superseded += 1
            tokens = usage.usage
            sent, generated = tokens.input_tokens, tokens.output_tokens
            row.input += sent
            row.output += generated
            if cached := tokens.cached_input_tokens:
                row.cached += cached
            if written := tokens.cache_write_tokens:
                row.written += written
            if reasoning := tokens.reasoning_tokens:
                row.reasoning += reasoning
            row.input_counts[((sent - 1).bit_length() + 1) // 2 if sent > 1 else 0] += 1
            row.output_counts[((generated - 1).bit_length() + 1) // 2 if generated > 1 else 0] += 1

    def dead_letters(self, letters: Iterable[DeadLetterRecord]) -> None:
        """Count dead letters that are durable now."""
        for letter in letters:
            key = (letter.stage, letter.code)
            self.letters[key] = self.letters.get(key, 0) + 1

    def _save(self, savings: Sequence[SavingsRecord]) -> None:
        """Add up each cause at once: most results know of one, and asking each for all seven would cost more."""
        for cause, column in zip(CAUSES, zip(*map(_amounts, savings), strict=True), strict=False):
            if column.count(None) == len(column):
                continue
            amounts = [Decimal(text) for text in column if text is not None]
            lost = sum(amount for amount in amounts if amount < NOTHING) if min(amounts) < NOTHING else NOTHING
            self.saved[cause] = self.saved.get(cause, NOTHING) + sum(amounts, -lost)
            if lost:
                self.extra[cause] = self.extra.get(cause, NOTHING) - lost

    def _told(self, tenant: str | None, *, known: bool) -> str:
        """Return the name a tenant is counted under; who was turned away may have called himself anything."""
        if tenant in self._tenants:
            return tenant
        if tenant is None or not known or len(self._tenants) >= self._most_tenants:
            return OTHER
        self._tenants.add(tenant)
        return tenant
