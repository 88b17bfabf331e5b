"""One call on its way through targets and attempts, and how it ends as a completion. Pure: times come in."""

from __future__ import annotations

import asyncio
import math
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec

from agents.providers.breaker import NO_TICKET
from agents.providers.checks import Verdict
from agents.providers.protocol import Prompt, Reply
from schemas.batch import Call, Completion, Failure, PaidCall, Target
from schemas.wire import Answer, CheckRecord, Tokens

MS_PER_SECOND = 1000.0
STAGE_DECIMALS = 3  # microseconds: finer digits are noise that every later stage would carry

Token = TypeVar("Token")


class Cut(Enum):
    """Why an attempt under way was cut."""

    TIMEOUT = "the provider took too long"
    DEADLINE = "nobody wants the answer any more"


class Flight(msgspec.Struct, Generic[Token], eq=False):
    """The state of one call; compared by identity. A msgspec struct for its cheap construction only.

    Attributes:
        token: The submitter's own, handed back with the completion.
        waiting_since: Unix seconds since when it waits for its next attempt.
        position: Which of the call's targets is asked.
        failures: Attempts failed at this target.
        attempts: Provider calls made, over all targets.
        started_at: Unix seconds at which the newest attempt began.
        under_way: The attempt being made, unless it was answered at once.
        alarm: Instant of its alarm: the end of a pause, an attempt that takes too long, or the deadline.
        held_since: Unix seconds since when its target does not let it through; 0 when it does.
        ticket: Of the circuit breaker, for the attempt under way.
        estimate: Tokens expected of the attempt under way.
        abandoned: Nobody wants the completion any more.
        complaints: The last error of each target that was given up, for people.
        checks: Of the answers of a cascade so far.
        kept: The last of its answers that did not hold, and who gave it: better than none.
    """

    call: Call
    token: Token
    waiting_since: float
    prompt: Prompt | None = None
    position: int = 0
    failures: int = 0
    attempts: int = 0
    started_at: float = 0.0
    dispatch_ms: float = 0.0
    queue_ms: float = 0.0
    provider_ms: float = 0.0
    backoff_ms: float = 0.0
    check_ms: float = 0.0
    under_way: asyncio.Future[Any] | None = None
    alarm: int | None = None
    cut: Cut | None = None
    held_since: float = 0.0
    ticket: int = NO_TICKET
    estimate: float = 0.0
    abandoned: bool = False
    paid: tuple[PaidCall, ...] = ()
    complaints: tuple[str, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    kept: tuple[Answer, Target] | None = None

    @property
    def must_check(self) -> bool:
        """Whether the answer of the target being asked is taken only if it holds."""
        return self.call.cascade is not None and self.position < len(self.call.cascade.expected)

    @property
    def expected(self) -> float:
        """Probability that the target being asked answers right, as predicted from the prompt alone."""
        cascade = self.call.cascade
        assert cascade is not None, "only answers of a cascade are checked"
        return cascade.expected[self.position]

    @property
    def has_fallback(self) -> bool:
        """Whether there is a target after the one being asked."""
        return self.position + 1 < len(self.call.targets)

    @property
    def fallback(self) -> Target | None:
        """The target after the one being asked."""
        return self.call.targets[self.position + 1] if self.has_fallback else None

    @property
    def target(self) -> Target:
        """The target being asked."""
        return self.call.targets[self.position]

    def seconds_left(self, now: float) -> float:
        """Return the seconds until the deadline, infinite without one."""
        return math.inf if self.call.deadline is None else self.call.deadline - now

    def end_wait(self, now: float) -> None:
        """Count the time spent waiting for a slot."""
        self.queue_ms += (now - self.waiting_since) * MS_PER_SECOND
        self.waiting_since = now

    def begin_attempt(self, now: float) -> None:
        """Count an attempt that starts now."""
        self.started_at = now
        self.held_since = 0.0
        self.attempts += 1

    def end_attempt(self, now: float) -> None:
        """Count the time the newest attempt took."""
        self.provider_ms += (now - self.started_at) * MS_PER_SECOND
        self.waiting_since = now

    def end_check(self, now: float) -> None:
        """Count the time since the last attempt as a check of its answer."""
        self.check_ms += (now - self.waiting_since) * MS_PER_SECOND
        self.waiting_since = now

    def end_pause(self, now: float) -> None:
        """Count the time since the last attempt as a pause."""
        self.backoff_ms += (now - self.waiting_since) * MS_PER_SECOND
        self.waiting_since = now

    def stop(self, cut: Cut | None) -> None:
        """Cut the attempt under way, if there is one; None means that its outcome does not matter any more."""
        self.cut = cut
        if self.under_way is not None:
            self.under_way.cancel()

    def fall_back(self) -> None:
        """Turn to the next target."""
        self.position += 1
        self.failures = 0
        self.held_since = 0.0

    def bill(self, call_id: str, tokens: Tokens, latency_ms: float) -> None:
        """Add the newest attempt to what was paid for."""
        model, provider = self.target.model, self.target.provider
        self.paid += (
            PaidCall(
                call_id, model, provider, self.attempts, tokens, round(latency_ms, STAGE_DECIMALS), self.started_at
            ),
        )

    def check(self, answer: Answer, verdict: Verdict) -> bool:
        """Note what came of checking the current target's answer; returns whether it is taken."""
        cascade, probability = self.call.cascade, verdict.probability
        assert cascade is not None, "only answers of a cascade are checked"
        accepted = verdict.holds and (probability is None or probability >= cascade.accept)
        self.checks += (CheckRecord(self.target.model, accepted, verdict.reason, probability),)
        if not accepted:
            self.kept = answer, self.target
        return accepted

    def answered(self, answer: Answer, now: float) -> Completion:
        """Return the completion of a call that its current target answered."""
        return self._completion(now, answer, None, self.target)

    def failed(self, failure: Failure, now: float) -> Completion:
        """Return the completion of a call that nobody answered, or not well: then with what there is."""
        if self.kept is None:
            return self._completion(now, None, failure, None)
        answer, by = self.kept
        # A check is published as it is, and what a provider said of encrypted content is not.
        told = failure.message if self.call.passenger.data_key is None else failure.code
        because = f"no better answer came: {told}"
        *before, last = self.checks
        self.checks = (*before, msgspec.structs.replace(last, delivered_because=because))
        return self._completion(now, answer, None, by)

    def _completion(
        self, now: float, answer: Answer | None, failure: Failure | None, by: Target | None
    ) -> Completion:
        stages_ms = dict(self.call.stages_ms)
        stages_ms["dispatch"] = round(self.dispatch_ms, STAGE_DECIMALS)
        stages_ms["queue"] = round(self.queue_ms, STAGE_DECIMALS)
        stages_ms["provider"] = round(self.provider_ms, STAGE_DECIMALS)
        if self.backoff_ms:
            stages_ms["backoff"] = round(self.backoff_ms, STAGE_DECIMALS)
        if self.checks:
            stages_ms["check"] = round(self.check_ms, STAGE_DECIMALS)
        passenger = self.call.passenger
        return Completion(
            passenger, now, answer, failure, by, self.paid, self.attempts, stages_ms, checks=self.checks
        )


def latency_of(reply: Reply, flight: Flight[Any], now: float) -> float:
    """Return how long a paid attempt took in milliseconds: what the provider says, or else what we saw."""
    if reply.latency_ms is not None:
        return reply.latency_ms
    return (now - flight.started_at) * MS_PER_SECOND
