"""Answers that were cut off and asked for again with more room: the first one was paid for nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from agents.recommendations.cases import Case, Cases
from agents.recommendations.contents import REPEATED
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Terms
from schemas.prices import NOTHING
from schemas.recommendation import Confidence

NAME = "truncated"
LENGTH = "length"


@dataclass(slots=True)
class _Cut:
    """Truncated answers of one tenant and task type that were asked for again.

    Attributes:
        longest: Tokens of the longest whole answer to the same question.
    """

    tally: Tally = field(default_factory=Tally)
    longest: int = 0


class Truncated:
    """Remembers truncated answers by their question until it is asked again and answered whole."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._open: dict[str, list[Case]] = defaultdict(list)
        self._groups: dict[tuple[str, str], _Cut] = defaultdict(_Cut)
        self._truncated: dict[str, int] = defaultdict(int)

    def add(self, facts: Cases) -> None:
        """Take in requests whose content was asked more than once."""
        for case in facts:
            question = self._terms.caching.whatever_its_length(case)
            if _finish(case) == LENGTH:
                self._truncated[case.request.tenant] += 1
                self._open[question].append(case)
            elif question in self._open:
                for cut in self._open.pop(question):
                    self._count(cut, case)

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant and task type."""
        made = [self._made(*group, cut) for group, cut in self._groups.items()]
        return [one for one in made if one is not None]

    def _count(self, cut: Case, whole: Case) -> None:
        if cut.completed > whole.received:
            return  # both were under way at once: nobody asked again because of the first
        group = self._groups[cut.request.tenant, cut.request.task_type or ""]
        group.tally.add(cut, NOTHING)
        group.longest = max(group.longest, whole.result.usage.output_tokens)

    def _made(self, tenant: str, task_type: str, cut: _Cut) -> Finding | None:
        return finding(
            NAME,
            About(tenant, task_type=task_type or None),
            Said(
                f"{len(cut.tally):,} answers were cut off at their longest length, paid, and asked for again.",
                f'in these requests, "sampling": {{"max_output_tokens": {cut.longest}}} or more, or none, the first '
                "time",
                Confidence.RECORDED,
                {
                    "cut off and asked again": f"{len(cut.tally):,} of {self._truncated[tenant]:,} cut off answers "
                    "to questions that were asked more than once",
                    "longest whole answer": f"{cut.longest:,} tokens",
                },
                {"task_type": task_type},
            ),
            cut.tally,
            self._terms,
            looked_at=self._truncated[tenant],
        )


def _finish(case: Case) -> str | None:
    return None if case.result.output is None else case.result.output.finish_reason


TRUNCATED = Kind(NAME, "answers cut off", Truncated, cases=REPEATED)
