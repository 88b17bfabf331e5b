"""What verdicts teach: how sure a hit must be, and which questions serve nobody any more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

from agents.cache.semantic.bound import ErrorBound
from schemas.verdict import Verdict

REMEMBERED = 100_000
"""Verdicts, and rejected questions, that are known; the oldest go first."""
K = TypeVar("K", bound=Hashable)


class Trust:
    """The verdicts of one partition, as a fold."""

    def __init__(self) -> None:
        self._bounds: dict[str, ErrorBound] = {}
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._rejected: OrderedDict[tuple[str, str], None] = OrderedDict()

    def delta(self, tenant: str, delta: float) -> float:
        """Return the bound to hold the verifier to, so that the tenant's own holds."""
        bound = self._bounds.get(tenant)
        return delta if bound is None else bound.corrected(delta)

    def doubts(self, tenant: str) -> bool:
        """Return whether wrong answers to this tenant are not made up for yet."""
        bound = self._bounds.get(tenant)
        return bound is not None and bound.margin > 0

    def rejects(self, tenant: str, source_request_id: str) -> bool:
        """Return whether the answer to this request was no answer to another question, as somebody said."""
        return (tenant, source_request_id) in self._rejected

    def hear(self, verdict: Verdict) -> bool:
        """Take in a verdict; return whether it is news."""
        if not _note(self._known, (verdict.tenant, verdict.id)):
            return False
        bound = self._bounds.setdefault(verdict.tenant, ErrorBound())
        bound.learn(verdict.error_bound, wrong=verdict.wrong)
        if verdict.wrong:
            _note(self._rejected, (verdict.tenant, verdict.source_request_id))
        return True


def _note(among: OrderedDict[K, None], key: K) -> bool:
    if key in among:
        return False
    among[key] = None
    if len(among) > REMEMBERED:
        among.popitem(last=False)
    return True
