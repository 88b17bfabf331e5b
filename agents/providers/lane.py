"""One provider with everything that decides when it may be called. Pure: times come in.

`max_in_flight` and the limits per minute hold for the provider as a whole. What a provider says of itself (what it
still allows, and by failing, how it is) holds for one of its models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from agents.providers.breaker import NO_TICKET, Breaker
from agents.providers.budget import RetryBudget
from agents.providers.concurrency import Concurrency
from agents.providers.ends import CUT, Ends
from agents.providers.flight import Flight
from agents.providers.headroom import Headroom
from agents.providers.limiter import Limiter
from agents.providers.pace import Pace
from agents.providers.protocol import Prompt, Provider, Reply
from schemas.errors import ProviderCircuitOpen, ProviderError, ProviderRateLimited
from schemas.provider_health import Circuit, LaneHealth
from schemas.settings import ProviderSettings
from schemas.tokens import estimate_text_tokens
from schemas.wire import Tokens

Token = TypeVar("Token")

FIRST_OUTPUT_TOKENS = 256.0
"""Expected of an answer before any came."""
OUTPUT_WEIGHT = 0.05
"""Of the newest answer in the running mean of their lengths."""


@dataclass(slots=True)
class ModelLane(Generic[Token]):
    """One model at the provider.

    Attributes:
        held: Flights that wait until its breaker or its headroom lets them through.
        ends: How the attempts ended.
    """

    breaker: Breaker
    headroom: Headroom = field(default_factory=Headroom)
    ends: Ends = field(default_factory=Ends)
    held: dict[Flight[Token], None] = field(default_factory=dict)
    attempts: int = 0
    retries: int = 0


class Lane(Generic[Token]):
    """One provider.

    Args:
        name: As configured.
        provider: What is called.
        settings: Of the provider.
        now: In seconds.

    Attributes:
        filling: Whether waiting calls are being begun at this moment.
        calm: Whether nothing speaks against calling any model here: then nobody need be held back.
    """

    def __init__(self, name: str, provider: Provider, settings: ProviderSettings, now: float) -> None:
        self.name = name
        self.provider = provider
        self.settings = settings
        self.limiter: Limiter[Flight[Token]] = Limiter(settings.max_in_flight)
        self.budget = RetryBudget(settings.retry_share, settings.retries_per_second, now)
        self.filling = False
        self.calm = True
        self._concurrency = Concurrency(settings.max_in_flight)
        self._requests = _pace(settings.requests_per_minute, now)
        self._tokens = _pace(settings.tokens_per_minute, now)
        self._output_tokens = FIRST_OUTPUT_TOKENS
        self._share = 1.0
        self._tells_limits = False
        self._paced = self._requests is not None or self._tokens is not None
        self._models: dict[str, ModelLane[Token]] = {}

    def take_share(self, share: float, now: float) -> None:
        """Use this share of the provider's limits."""
        self._share = share
        self._concurrency.set_ceiling(max(1, int(self.settings.max_in_flight * share)))
        self.limiter.limit = self._concurrency.limit
        for pace in (self._requests, self._tokens):
            if pace is not None:
                pace.set_share(share, now)

    def model(self, name: str) -> ModelLane[Token]:
        """Return the lane of one model."""
        lane = self._models.get(name)
        if lane is None:
            lane = self._models[name] = ModelLane(Breaker(self.settings))
        return lane

    def pace_wait(self, now: float) -> float:
        """Return the seconds until the limits per minute let the next call begin; 0 when they do now."""
        wait = 0.0 if self._requests is None else self._requests.wait(now)
        return wait if self._tokens is None else max(wait, self._tokens.wait(now))

    def is_free(self, model: str, now: float) -> bool:
        """Return whether a call to this model would begin now."""
        free = self.limiter.free and not self.limiter.backlog
        return free and not self.pace_wait(now) and not self.model(model).breaker.wait(now)

    def enter(self, flight: Flight[Token], now: float) -> bool:
        """Take a slot, or queue up behind those already waiting; returns whether the slot was taken."""
        if self._paced and self.pace_wait(now):
            self.limiter.queue(flight)
            return False
        return self.limiter.enter(flight)

    def next(self, now: float) -> Flight[Token] | None:
        """Give a free slot to the flight that waited longest, if there is one and the limits per minute let it."""
        return None if self._paced and self.pace_wait(now) else self.limiter.next()

    def pause(self, now: float) -> float:
        """Return the seconds for which the limits per minute alone keep a waiting flight from a free slot."""
        return self.pace_wait(now) if self._paced and self.limiter.backlog and self.limiter.free else 0.0

    def withdraw(self, flight: Flight[Token]) -> None:
        """Forget a flight that no longer waits; does nothing when it did not."""
        self.limiter.withdraw(flight)
        if flight.held_since:
            self.model(flight.target.model).held.pop(flight, None)

    def waiting_for(self, model: str) -> list[Flight[Token]]:
        """Take out and return everyone who waits for this model, in the queue or held back."""
        queued = [flight for flight in self.limiter.waiting() if flight.target.model == model]
        for flight in queued:
            self.limiter.withdraw(flight)
        held = self.model(model).held
        freed = [*held, *queued]
        held.clear()
        return freed

    def hold(self, flight: Flight[Token], now: float) -> tuple[ProviderError, float] | None:
        """Return why the flight may not call now, and the seconds until it may ask again; None when it may."""
        model = self.model(flight.target.model)
        wait = model.breaker.wait(now)
        if wait:
            return ProviderCircuitOpen("provider_circuit_open", "it has failed too often of late"), wait
        if not self._tells_limits:
            return None
        wait = model.headroom.wait(self._estimate(flight.prompt), now)
        if wait:
            return ProviderRateLimited("provider_rate_limited", "it allows no more calls for now", wait), wait
        return None

    def begin(self, flight: Flight[Token], now: float) -> None:
        """Count an attempt that begins."""
        model = self.model(flight.target.model)
        flight.ticket = model.breaker.begin(now)
        model.attempts += 1
        if flight.failures:
            model.retries += 1
        else:
            self.budget.deposit()
        if not self._paced and not self._tells_limits:
            return
        if self._requests is not None:
            self._requests.take(1.0, now)
        if self._tokens is not None or self._tells_limits:
            flight.estimate = self._estimate(flight.prompt)
            model.headroom.spend(flight.estimate)
        if self._tokens is not None:
            self._tokens.take(flight.estimate, now)

    def answered(self, flight: Flight[Token], reply: Reply, now: float) -> Circuit | None:
        """Count an attempt that brought an answer; returns the state its breaker entered, if any."""
        model = self.model(flight.target.model)
        model.ends.answer(now - flight.started_at)
        if reply.limits is not None:
            self._tells_limits = True
            self.calm = False
            model.headroom.tell(reply.limits, self._share, now)
        self._output_tokens += OUTPUT_WEIGHT * (reply.tokens.output_tokens - self._output_tokens)
        self._settle(flight, reply.tokens, now)
        return self._end(flight, model, False, False, now)

    def failed(self, flight: Flight[Token], error: ProviderError, now: float) -> Circuit | None:
        """Count an attempt that failed; returns the state its breaker entered, if any."""
        model = self.model(flight.target.model)
        model.ends.fail(error.code)
        if error.tokens is not None or not error.perhaps_billed:
            self._settle(flight, error.tokens or _NOTHING, now)
        return self._end(flight, model, error.unhealthy, error.congested, now)

    def forget(self, flight: Flight[Token]) -> None:
        """Count an attempt whose end says nothing of the provider."""
        model = self.model(flight.target.model)
        model.ends.fail(CUT)
        model.breaker.forget(flight.ticket)
        flight.ticket = NO_TICKET

    def may_retry(self, error: ProviderError, now: float) -> bool:
        """Spend a retry, if there is one to spend; waits that the provider asked for are its own business."""
        return isinstance(error, ProviderRateLimited) or self.budget.withdraw(now)

    def out_of_order(self, now: float) -> bool:
        """Return whether no model asked so far would be called now; what was never asked says nothing."""
        if self.calm or not self._models:
            return False
        return all(model.breaker.wait(now) for model in self._models.values())

    def health(self) -> Iterator[LaneHealth]:
        """Give the health of every model asked so far."""
        for name, model in self._models.items():
            yield LaneHealth(
                provider=self.name,
                model=name,
                circuit=model.breaker.circuit,
                openings=model.breaker.openings,
                failure_share=model.breaker.failure_share,
                in_flight=self.limiter.in_flight,
                limit=self.limiter.limit,
                waiting=self.limiter.backlog + len(model.held),
                held=len(model.held),
                attempts=model.attempts,
                retries=model.retries,
                outcomes=model.ends.outcomes(),
                durations=tuple(model.ends.durations),
                seconds=model.ends.seconds,
            )

    def _end(
        self, flight: Flight[Token], model: ModelLane[Token], unhealthy: bool, congested: bool, now: float
    ) -> Circuit | None:
        if self._concurrency.end(congested):
            self.limiter.limit = self._concurrency.limit
        ticket, flight.ticket = flight.ticket, NO_TICKET
        circuit = model.breaker.end(ticket, unhealthy, now)
        if circuit is not None:
            closed = all(model.breaker.circuit is Circuit.CLOSED for model in self._models.values())
            self.calm = closed and not self._tells_limits
        return circuit

    def _settle(self, flight: Flight[Token], tokens: Tokens, now: float) -> None:
        """Put what was used in the place of what was expected."""
        if self._tokens is not None:
            self._tokens.take(tokens.input_tokens + tokens.output_tokens - flight.estimate, now)
        flight.estimate = 0.0

    def _estimate(self, prompt: Prompt | None) -> float:
        if prompt is None:
            return 0.0
        longest = prompt.sampling.max_output_tokens
        expected = self._output_tokens if longest is None else min(float(longest), self._output_tokens)
        return estimate_text_tokens(prompt.text) + expected


_NOTHING = Tokens()


def _pace(per_minute: int | None, now: float) -> Pace | None:
    return None if per_minute is None else Pace(per_minute, now)
