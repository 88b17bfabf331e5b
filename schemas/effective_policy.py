"""What all the policies that hold for one request come to, and whose rule decided each field."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from schemas.policy import CacheMode, EncryptionMode, Failing, PersonalDataMode

T = TypeVar("T")


class Ruling(NamedTuple, Generic[T]):
    """What holds for one field, and because of whom.

    Attributes:
        value: The strictest of what the nested scopes say.
        by: The scope that says it, such as `team search`; of several that do, the widest.
    """

    value: T
    by: str


class Restriction(NamedTuple):
    """The names that every nested scope allows.

    Attributes:
        names: In the order of the widest scope that has a rule; there may be none.
        rules: Each scope's own rule, the widest scope first.
    """

    names: tuple[str, ...]
    rules: tuple[tuple[str, tuple[str, ...]], ...]

    def excluding(self, name: str) -> str | None:
        """Return the widest scope whose rule leaves a name out; None where it is allowed."""
        return next((by for by, names in self.rules if name not in names), None)

    @property
    def by(self) -> str:
        """Return the scopes that have a rule, for people."""
        return " and ".join(by for by, _ in self.rules)


class Permitted(NamedTuple):
    """Who may answer. A tuple, so that requests under the same rules share their decisions.

    Attributes:
        models: Names of models; None means any.
        providers: Names of providers; None means any.
    """

    models: Restriction | None = None
    providers: Restriction | None = None


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """What the policies of nested scopes come to. The fields are those of `Policy`; None means that there is no rule.

    Attributes:
        permitted: The allowed models and providers together; None where there is no rule about either.
        sharing: Which answers may be shared: only those of requests under the same rules about who may answer and
            how long. Empty where there are no such rules.
    """

    allowed_models: Restriction | None = None
    allowed_providers: Restriction | None = None
    allowed_task_types: Restriction | None = None
    max_input_tokens: Ruling[int] | None = None
    max_output_tokens: Ruling[int] | None = None
    max_cost_usd: Ruling[Decimal] | None = None
    personal_data: Ruling[PersonalDataMode] | None = None
    cache: Ruling[CacheMode] | None = None
    semantic_error_bound: Ruling[float] | None = None
    encryption: Ruling[EncryptionMode] | None = None
    retention_days: Ruling[int] | None = None
    failing: Ruling[Failing] | None = None
    permitted: Permitted | None = None
    sharing: str = ""

    @property
    def cache_mode(self) -> CacheMode:
        """What the cache may do: anything where nobody has a rule."""
        return CacheMode.USE if self.cache is None else self.cache.value

    @property
    def semantic_delta(self) -> float:
        """Error bound of semantic hits; 0, where there is no rule, allows none."""
        return 0.0 if self.semantic_error_bound is None else self.semantic_error_bound.value

    @property
    def personal_data_mode(self) -> PersonalDataMode:
        """What happens to personal data: nothing where nobody has a rule."""
        return PersonalDataMode.OFF if self.personal_data is None else self.personal_data.value

    @property
    def fails_open(self) -> bool:
        """Whether a request passes when a rule cannot be evaluated: not where nobody says so."""
        return self.failing is not None and self.failing.value is Failing.OPEN

    def expected_output(self, usual: int) -> int:
        """Return the expected length of an answer for which the request sets no bound, in tokens."""
        return usual if self.max_output_tokens is None else min(usual, self.max_output_tokens.value)


UNRESTRICTED = EffectivePolicy()
