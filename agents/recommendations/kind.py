"""What a kind of recommendation is: the facts it wants, and a fold over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.recommendations.making import Finding
from agents.recommendations.terms import Terms


class Finder(Protocol):
    """A fold over facts; the order of received requests is the order in which they come."""

    def add(self, facts: Sequence[Any]) -> None:
        """Take in the next facts: cases, or rows of the kind's query."""
        ...

    def found(self) -> list[Finding]:
        """Return what all of them come to."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of recommendation; its evidence is in the SQL file of its name.

    Attributes:
        name: As recommendations say it.
        title: For people.
        finder: Begins a fold.
        cases: Which results are wanted with their requests: a condition on the view `results`.
        rows: In place of it, the query whose rows are wanted.
        values: Of the condition or the query, besides tenant and period.
    """

    name: str
    title: str
    finder: Callable[[Terms], Finder]
    cases: str | None = None
    rows: str | None = None
    values: Callable[[Terms], Mapping[str, Any]] = lambda terms: {}


def recommend(kind: Kind, facts: Iterable[Sequence[Any]], terms: Terms) -> list[Finding]:
    """Return what one kind recommends by these facts; the same facts always give the same.

    Args:
        kind: Which.
        facts: In portions, so that they need not be there all at once.
        terms: What it depends on besides.
    """
    finder = kind.finder(terms)
    for portion in facts:
        finder.add(portion)
    return finder.found()
