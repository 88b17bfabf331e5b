"""Calls that were paid and whose answers nobody got: retries, calls of requests that failed, and late ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from agents.recommendations.evidence import sql_of
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Terms
from schemas.prices import NOTHING
from schemas.recommendation import Confidence

NAME = "paid_for_nothing"
RETRIED, UNANSWERED, SUPERSEDED, LATE_BATCH = "retried", "unanswered", "superseded", "late_batch"
MEANINGS = {
    RETRIED: "were billed without giving the answer that was delivered, which another call gave",
    UNANSWERED: "were billed for requests that got no answer",
    SUPERSEDED: "were billed although the request had its result already",
    LATE_BATCH: "were billed in a batch that came back after the request had been called instead",
}
CHANGES = {
    RETRIED: "in the models file, put {provider} last in the providers of {model}; and claim these calls there",
    UNANSWERED: "in the models file, put {provider} last in the providers of {model}; or give the requests more time",
    SUPERSEDED: "worker: {{drain_seconds: …}} longer than calls take, so that workers that stop finish them",
    LATE_BATCH: "batches: {{max_late: …}} smaller than it is, so that fewer requests wait for a late batch",
}
Row = Mapping[str, Any]


@dataclass(slots=True)
class _Wasted:
    """Calls to one model at one provider, for one cause."""

    tally: Tally = field(default_factory=Tally)
    calls: int = 0
    output_tokens: int = 0


class PaidForNothing:
    """Adds up what was paid for such calls, by cause, model and provider."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._groups: dict[tuple[str, str, str, str], _Wasted] = defaultdict(_Wasted)

    def add(self, facts: Sequence[Row]) -> None:
        """Take in such calls, summed by request, model, provider and cause."""
        for row in facts:
            group = self._groups[row["tenant"], row["cause"], row["model"], row["provider"]]
            group.tally.count(row["tenant"], row["request_id"], Decimal(row["cost_usd"]), NOTHING)
            group.calls += row["calls"]
            group.output_tokens += row["output_tokens"]

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant, cause, model and provider."""
        made = [self._made(*group, wasted) for group, wasted in self._groups.items()]
        return [one for one in made if one is not None]

    def _made(self, tenant: str, cause: str, model: str, provider: str, wasted: _Wasted) -> Finding | None:
        return finding(
            NAME,
            About(tenant, model=model, part=f"{cause} at {provider}"),
            Said(
                f"{wasted.calls:,} calls to {model} at {provider} {MEANINGS[cause]}.",
                CHANGES[cause].format(model=model, provider=provider),
                Confidence.RECORDED,
                {
                    "calls": f"{wasted.calls:,} of {len(wasted.tally):,} requests",
                    "tokens that nobody got": f"{wasted.output_tokens:,}",
                    "cause": cause,
                },
                {},
            ),
            wasted.tally,
            self._terms,
            looked_at=len(wasted.tally),
        )


PAID_FOR_NOTHING = Kind(NAME, "calls paid for nothing", PaidForNothing, rows=sql_of(NAME))
