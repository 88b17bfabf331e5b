"""What recommendations are made with: the period, the configuration, and the real decisions of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from agents.recommendations.cases import Case
from schemas.policy import Budget
from schemas.policy import Period as BudgetPeriod
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.result import Lane
from schemas.settings import Settings

MONTH_SECONDS = 2_592_000
MICRODOLLARS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Period:
    """What is looked at.

    Attributes:
        since: Requests received then or later.
        until: And before.
        first: When the first of them was received; None when there is none.
        least_seconds: Time that must have been observed for a projection.
    """

    since: datetime
    until: datetime
    first: datetime | None = None
    least_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """How much of it was observed: a log that began later says nothing of what was before."""
        return 0.0 if self.first is None else max(0.0, (self.until - max(self.since, self.first)).total_seconds())

    def monthly(self, saving: Decimal) -> Decimal | None:
        """Return a saving at this pace in 30 days; None where too little was observed."""
        if self.seconds <= 0 or self.seconds < self.least_seconds:
            return None
        return (saving * MONTH_SECONDS / Decimal(str(self.seconds))).quantize(MICRODOLLARS)


class Rerouted(NamedTuple):
    """Where a logged request would go.

    Attributes:
        model: That would answer.
        provider: That would be asked.
        task_type: As the request says, or as detected.
        quality: Predicted of that model.
        quality_before: Predicted, by the same means, of the model that answered.
    """

    model: str
    provider: str
    task_type: str | None
    quality: float
    quality_before: float


class Rerouting(Protocol):
    """The router, asked again."""

    def routed(
        self, cases: Sequence[Case], requests: Sequence[Request], lane: Lane | None = None
    ) -> list[Rerouted | None]:
        """Return where changed requests would go.

        Args:
            cases: As logged.
            requests: What to ask in place of each.
            lane: In which lane; None for the one it travelled in.

        Returns:
            None for those that would be refused, or asked in a cascade.
        """
        ...

    def as_good(self, cases: Sequence[Case]) -> list[Request]:
        """Return what each request asks without its model's name: for a quality as predicted of that model."""
        ...


class Caching(Protocol):
    """What the cache takes for the same question, and for an answer worth keeping."""

    def question(self, case: Case) -> str:
        """Return the fingerprint under which an answer is kept."""
        ...

    def whatever_its_length(self, case: Case) -> str:
        """Return the same for the question however long the answer may be."""
        ...

    def keeps(self, case: Case) -> bool:
        """Return whether the answer would be kept."""
        ...


class Lanes(Protocol):
    """The choice of lanes, with a batch lane."""

    def late(self, seconds_left: float) -> float | None:
        """Return the probability that a batch is not back in time; None where the batch lane is not chosen."""
        ...


class Periods(Protocol):
    """When the periods of budgets begin and end."""

    def whole(self, period: BudgetPeriod, since: float, until: float) -> list[int]:
        """Return the starts of the periods that lie wholly between two Unix seconds; of the total there are none."""
        ...


class Graded(NamedTuple):
    """Grades that the answers of a model got.

    Attributes:
        mean: In [0, 1].
        error: Standard error of the mean.
    """

    grades: int
    mean: float
    error: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose budgets: an organization, or a team, user or key of it."""

    tenant: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that a kind of recommendation depends on besides the facts.

    Attributes:
        graded: By tenant, task type ("" for none) and model.
        budgets: By scope, as they hold now.
    """

    period: Period
    made_at: datetime
    settings: Settings
    registry: ModelRegistry
    rerouting: Rerouting
    caching: Caching
    lanes: Lanes
    periods: Periods
    graded: Mapping[tuple[str, str, str], Graded] = field(default_factory=dict)
    budgets: Mapping[Scope, tuple[Budget, ...]] = field(default_factory=dict)
