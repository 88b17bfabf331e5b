"""Makes the calls: as many at once as each provider allows, each to its end, none waiting for another.

Nothing here is a task per call. A call is a `Flight` that waits at the `Gate`, has an attempt under way or pauses
before the next one, and is moved on by a callback: the provider's answer, a freed slot or an alarm.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from agents.providers import failures
from agents.providers.checking import Checks, Judged
from agents.providers.checks import Checker, Unchecking
from agents.providers.flight import MS_PER_SECOND, Cut, Flight, latency_of
from agents.providers.gate import Gate
from agents.providers.lane import Lane
from agents.providers.outstanding import Outstanding
from agents.providers.protocol import Provider, Reply, prompt_of
from agents.providers.retries import pause_before_retry
from agents.providers.under_way import UnderWay
from schemas.batch import Call, Completion
from schemas.errors import NextStep, ProviderError, ProviderRefused, ProviderTimeout
from schemas.provider_health import LaneHealth
from schemas.settings import ProviderSettings
from streams.catchall import frames_of

_log = logging.getLogger(__name__)

Token = TypeVar("Token")


class CallRunner(Generic[Token]):
    """Runs calls to their completions on the running event loop.

    Args:
        providers: By the name that targets use; they are closed with the runner.
        settings: Of the same providers.
        clock: Returns Unix seconds.
        call_id: Returns an id never returned before, for a call that was billed.
        on_completion: Gets the token and the completion of every call, exactly once; it may be called from within
            `submit`. It must not raise, nor submit.
        jitter: Returns a random number, uniform in [0, 1), for the pauses between attempts.
        checker: Says whether an answer of a cascade holds; without one every answer does.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: Mapping[str, ProviderSettings],
        *,
        clock: Callable[[], float],
        call_id: Callable[[], str],
        on_completion: Callable[[Token, Completion], None],
        jitter: Callable[[], float] = random.random,
        checker: Checker | None = None,
    ) -> None:
        self._lanes: dict[str, Lane[Token]] = {
            name: Lane(name, provider, settings[name], clock()) for name, provider in providers.items()
        }
        self._clock = clock
        self._call_id = call_id
        self._on_completion = on_completion
        self._jitter = jitter
        self._checks = Checks(checker or Unchecking(), clock)
        self._outstanding: Outstanding[Token] = Outstanding()
        self._under_way: UnderWay[Token] = UnderWay(self._outstanding, self._landed)
        self._gate: Gate[Token] = Gate(
            self._lanes,
            self._outstanding,
            clock,
            begin=self._attempt,
            turn_away=self._leave_target,
            expire=self._expire,
        )

    @property
    def outstanding(self) -> int:
        """Calls submitted and not yet completed or abandoned."""
        return len(self._outstanding)

    def in_flight(self, provider: str) -> int:
        """Return the number of attempts under way at this provider."""
        return self._lanes[provider].limiter.in_flight

    def backlog(self, provider: str) -> int:
        """Return the number of calls waiting for a slot at this provider."""
        return self._lanes[provider].limiter.backlog

    def available(self, provider: str, model: str) -> bool:
        """Return whether the provider's circuit breaker lets calls to the model through."""
        lane = self._lanes.get(provider)
        return lane is not None and not lane.model(model).breaker.wait(self._clock())

    def down(self) -> frozenset[str]:
        """Return the providers whose circuit breakers let no model's calls through.

        Once a probe is due a provider is in order again: somebody must be sent there to find out.
        """
        now = self._clock()
        return frozenset(name for name, lane in self._lanes.items() if lane.out_of_order(now))

    def health(self) -> Iterable[LaneHealth]:
        """Return every lane that has been asked so far, with its counts."""
        return [each for lane in self._lanes.values() for each in lane.health()]

    def take_share(self, share: float) -> None:
        """Use this share of every provider's limits: what this worker may do when others work too.

        Args:
            share: In (0, 1]; at least one call may be under way whatever the share.
        """
        for lane in self._lanes.values():
            lane.take_share(share, self._clock())
            self._gate.fill(lane)

    def submit(self, call: Call, token: Token) -> None:
        """Start a call as soon as limits allow. Returns at once; its completion may come before it does."""
        now = self._clock()
        flight: Flight[Token] = Flight(call, token, now)
        flight.dispatch_ms = max(0.0, (now - call.dispatched_at) * MS_PER_SECOND)
        self._approach(flight, now)

    async def idle(self) -> None:
        """Wait until nothing is outstanding."""
        await self._outstanding.none()

    async def drain(self, timeout_seconds: float) -> list[Token]:
        """Let the attempts under way end, start no other, then abandon what is left.

        Returns:
            The tokens of the abandoned calls, which get no completion. Most were never started; those cut after
            `timeout_seconds` may be billed again when they are repeated.
        """
        self._gate.open = False
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._under_way.none()
        except TimeoutError:
            _log.warning("calls still under way after draining", extra={"calls": len(self._under_way)})
        finally:
            abandoned = self.cancel_all()
            self._gate.open = True
        return abandoned

    def cancel_all(self) -> list[Token]:
        """Abandon every call at once; returns the tokens, which get no completion."""
        abandoned = list(self._outstanding)
        for flight in abandoned:
            flight.abandoned = True
            flight.stop(None)
            self._lanes[flight.target.provider].withdraw(flight)
            self._outstanding.remove(flight)
        return [flight.token for flight in abandoned]

    async def close(self) -> None:
        """Abandon what is left, wait until no attempt is under way, and close the providers."""
        self.cancel_all()
        await self._under_way.none()
        self._gate.close()
        for lane in self._lanes.values():
            await lane.provider.close()

    def _approach(self, flight: Flight[Token], now: float) -> None:
        """Begin an attempt at the flight's target, or queue up there."""
        if not flight.call.targets:
            self._finish(flight, flight.failed(failures.NOWHERE_TO_GO, now))
            return
        lane = self._lanes.get(flight.target.provider)
        if lane is None:
            unknown = f"this worker has no provider named {flight.target.provider!r}"
            self._leave_target(flight, ProviderRefused(failures.UNKNOWN_PROVIDER, unknown), now)
        else:
            self._gate.approach(flight, lane, now)

    def _attempt(self, flight: Flight[Token], lane: Lane[Token], now: float) -> bool:
        """Call the provider; returns whether the call is under way, and its slot with it."""
        self._outstanding.disarm(flight)
        flight.end_wait(now)
        if flight.seconds_left(now) <= 0:
            self._expire(flight, now)
            return False
        try:
            if flight.prompt is None:
                flight.prompt = prompt_of(flight.call)
            flight.begin_attempt(now)
            lane.begin(flight, now)
            model = flight.target.model
            outcome: Reply | Judged | Awaitable[Any]
            outcome = reply = lane.provider.complete(flight.prompt, model, flight.attempts)
            if flight.must_check:
                outcome = self._checks.judge(reply, flight.prompt, model, flight.expected)
            attempt = None if isinstance(outcome, Reply | Judged) else asyncio.ensure_future(outcome)
        except Exception as raised:  # noqa: BLE001 -- a provider is an extension: its bug ends its call, nobody else's
            self._attempt_failed(flight, lane, raised)
            return False
        if attempt is None:
            self._answered(flight, lane, outcome)
            return False
        self._under_way.watch(flight, attempt, lane.settings.timeout_seconds, now)
        return True

    def _landed(self, flight: Flight[Token], outcome: Any) -> None:
        """Take what a finished attempt brought, and pass its slot on."""
        lane = self._lanes[flight.target.provider]
        if flight.abandoned:
            lane.forget(flight)
            _log.debug("an abandoned attempt ended", extra={"request_id": flight.call.passenger.id})
        elif isinstance(outcome, BaseException):
            self._attempt_failed(flight, lane, outcome)
        else:
            self._answered(flight, lane, outcome)
        self._gate.release(lane)

    def _answered(self, flight: Flight[Token], lane: Lane[Token], outcome: Reply | Judged | Any) -> None:
        judged = outcome if isinstance(outcome, Judged) else None
        reply = outcome if judged is None else judged.reply
        if not isinstance(reply, Reply):
            self._attempt_failed(
                flight, lane, TypeError(f"a provider returned a {type(reply).__name__}, not a Reply")
            )
            return
        now = self._clock() if judged is None else judged.answered_at
        flight.end_attempt(now)
        flight.bill(self._call_id(), reply.tokens, latency_of(reply, flight, now))
        if (circuit := lane.answered(flight, reply, now)) is not None:
            self._gate.note(lane, flight, circuit)
        if judged is not None:
            now = self._clock()
            flight.end_check(now)
            if not flight.check(reply.answer, judged.verdict):
                flight.fall_back()
                self._approach(flight, now)
                return
        self._finish(flight, flight.answered(reply.answer, now))

    def _attempt_failed(self, flight: Flight[Token], lane: Lane[Token], raised: BaseException) -> None:
        now = self._clock()
        if flight.attempts:
            flight.end_attempt(now)
        if flight.cut is Cut.DEADLINE:
            lane.forget(flight)
            self._expire(flight, now)
            return
        if isinstance(raised, asyncio.CancelledError) and flight.cut is Cut.TIMEOUT:
            raised = ProviderTimeout("provider_timeout", f"no answer within {lane.settings.timeout_seconds:g} s")
        if isinstance(raised, ProviderError):
            self._go_on(flight, lane, raised, now)
            return
        lane.forget(flight)
        where = {"request_id": flight.call.passenger.id, "provider": flight.target.provider}
        _log.error("bug in a provider", extra={**where, "frames": frames_of(raised)})
        self._finish(flight, flight.failed(failures.bug(raised), now))

    def _go_on(self, flight: Flight[Token], lane: Lane[Token], error: ProviderError, now: float) -> None:
        """Decide what follows an attempt that failed as attempts may."""
        if error.tokens is not None:
            flight.bill(self._call_id(), error.tokens, (now - flight.started_at) * MS_PER_SECOND)
        if (circuit := lane.failed(flight, error, now)) is not None:
            self._gate.note(lane, flight, circuit)
        flight.failures += 1
        pause = pause_before_retry(
            error,
            lane.settings,
            failures=flight.failures,
            seconds_left=flight.seconds_left(now),
            draw=self._jitter(),
            has_fallback=flight.has_fallback,
        )
        if pause is None or not lane.may_retry(error, now):
            self._leave_target(flight, error, now)
        else:
            self._outstanding.add(flight)
            self._outstanding.arm(flight, pause, self._gate.resume)

    def _leave_target(self, flight: Flight[Token], error: ProviderError, now: float) -> None:
        """Turn to the next target, or end the call when this was the last."""
        target = flight.target
        flight.complaints += (f"{target.model} at {target.provider}: {error.message}",)
        if flight.has_fallback and error.next_step is not NextStep.END:
            flight.fall_back()
            self._approach(flight, now)
            return
        where = {"request_id": flight.call.passenger.id, "provider": target.provider, "code": error.code}
        _log.info("no provider could answer", extra=where)
        self._finish(flight, flight.failed(failures.exhausted(error, flight.complaints, flight.attempts), now))

    def _expire(self, flight: Flight[Token], now: float) -> None:
        self._finish(flight, flight.failed(failures.expired(flight.attempts), now))

    def _finish(self, flight: Flight[Token], completion: Completion) -> None:
        self._outstanding.remove(flight)
        self._on_completion(flight.token, completion)
