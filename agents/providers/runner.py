"""Makes the calls: as many at once as each provider allows, each to its end, none waiting for another.

Nothing here is a task per call. A call is a `Flight` that waits in a limiter's queue, has an attempt under way or
pauses before the next one, and is moved on by a callback: the provider's answer, a freed slot or an alarm.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from agents.providers import failures
from agents.providers.flight import MS_PER_SECOND, Cut, Flight, latency_of
from agents.providers.limiter import Limiter
from agents.providers.outstanding import Outstanding
from agents.providers.protocol import Provider, Reply, decode_prompt
from agents.providers.retries import pause_before_retry
from agents.providers.under_way import UnderWay
from schemas.batch import Call, Completion
from schemas.errors import ProviderError, ProviderRefused, ProviderTimeout, ProviderUnreadable
from schemas.settings import ProviderSettings

_log = logging.getLogger(__name__)

Token = TypeVar("Token")


@dataclass(slots=True)
class _Lane(Generic[Token]):
    """One provider with its slots."""

    provider: Provider
    settings: ProviderSettings
    limiter: Limiter[Flight[Token]]
    filling: bool = field(default=False)


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
    ) -> None:
        self._lanes: dict[str, _Lane[Token]] = {
            name: _Lane(provider, settings[name], Limiter(settings[name].max_in_flight))
            for name, provider in providers.items()
        }
        self._clock = clock
        self._call_id = call_id
        self._on_completion = on_completion
        self._jitter = jitter
        self._outstanding: Outstanding[Token] = Outstanding()
        self._under_way: UnderWay[Token] = UnderWay(self._outstanding, self._landed)
        self._starting = True

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

    def take_share(self, share: float) -> None:
        """Use this share of every provider's `max_in_flight`: what this worker may do when others work too.

        Args:
            share: In (0, 1]; at least one call may be under way whatever the share.
        """
        for lane in self._lanes.values():
            lane.limiter.limit = max(1, int(lane.settings.max_in_flight * share))
            self._fill(lane)

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
        self._starting = False
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._under_way.none()
        except TimeoutError:
            _log.warning("calls still under way after draining", extra={"calls": len(self._under_way)})
        finally:
            abandoned = self.cancel_all()
            self._starting = True
        return abandoned

    def cancel_all(self) -> list[Token]:
        """Abandon every call at once; returns the tokens, which get no completion."""
        abandoned = list(self._outstanding)
        for flight in abandoned:
            flight.abandoned = True
            flight.stop(None)
            self._lanes[flight.target.provider].limiter.withdraw(flight)
            self._outstanding.remove(flight)
        return [flight.token for flight in abandoned]

    async def close(self) -> None:
        """Abandon what is left, wait until no attempt is under way, and close the providers."""
        self.cancel_all()
        await self._under_way.none()
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
        elif not self._starting:
            self._outstanding.add(flight)
        elif lane.limiter.enter(flight):
            if not self._attempt(flight, lane, now):
                self._release(lane)
        else:
            self._outstanding.add(flight)
            if flight.call.deadline is not None:
                self._outstanding.arm(flight, flight.call.deadline - now, self._expire)

    def _attempt(self, flight: Flight[Token], lane: _Lane[Token], now: float) -> bool:
        """Call the provider; returns whether the call is under way, and its slot with it."""
        self._outstanding.disarm(flight)
        flight.end_wait(now)
        if flight.seconds_left(now) <= 0:
            self._finish(flight, flight.failed(failures.expired(flight.attempts), now))
            return False
        try:
            if flight.prompt is None:
                flight.prompt = decode_prompt(flight.call.body)
            flight.begin_attempt(now)
            outcome = lane.provider.complete(flight.prompt, flight.target.model, flight.attempts)
            attempt = None if isinstance(outcome, Reply) else asyncio.ensure_future(outcome)
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
            _log.debug("an abandoned attempt ended", extra={"request_id": flight.call.passenger.id})
        elif isinstance(outcome, BaseException):
            self._attempt_failed(flight, lane, outcome)
        else:
            self._answered(flight, lane, outcome)
        self._release(lane)

    def _answered(self, flight: Flight[Token], lane: _Lane[Token], reply: Reply | Any) -> None:
        if not isinstance(reply, Reply):
            self._attempt_failed(
                flight, lane, TypeError(f"a provider returned a {type(reply).__name__}, not a Reply")
            )
            return
        now = self._clock()
        flight.end_attempt(now)
        flight.bill(self._call_id(), reply.tokens, latency_of(reply, flight, now))
        self._finish(flight, flight.answered(reply.answer, now))

    def _attempt_failed(self, flight: Flight[Token], lane: _Lane[Token], raised: BaseException) -> None:
        now = self._clock()
        if flight.attempts:
            flight.end_attempt(now)
        if flight.cut is Cut.DEADLINE:
            self._finish(flight, flight.failed(failures.expired(flight.attempts), now))
            return
        if isinstance(raised, asyncio.CancelledError) and flight.cut is Cut.TIMEOUT:
            raised = ProviderTimeout("provider_timeout", f"no answer within {lane.settings.timeout_seconds:g} s")
        if isinstance(raised, ProviderError):
            self._go_on(flight, lane, raised, now)
            return
        where = {"request_id": flight.call.passenger.id, "provider": flight.target.provider}
        _log.error("bug in a provider", exc_info=raised, extra=where)
        self._finish(flight, flight.failed(failures.bug(raised), now))

    def _go_on(self, flight: Flight[Token], lane: _Lane[Token], error: ProviderError, now: float) -> None:
        """Decide what follows an attempt that failed as attempts may."""
        if isinstance(error, ProviderUnreadable) and error.tokens is not None:
            flight.bill(self._call_id(), error.tokens, (now - flight.started_at) * MS_PER_SECOND)
        flight.failures += 1
        pause = pause_before_retry(
            error,
            lane.settings,
            failures=flight.failures,
            seconds_left=flight.seconds_left(now),
            draw=self._jitter(),
        )
        if pause is None:
            self._leave_target(flight, error, now)
        else:
            self._outstanding.add(flight)
            self._outstanding.arm(flight, pause, self._resume)

    def _leave_target(self, flight: Flight[Token], error: ProviderError, now: float) -> None:
        """Turn to the next target, or end the call when this was the last."""
        target = flight.target
        flight.complaints += (f"{target.model} at {target.provider}: {error.message}",)
        if flight.has_fallback:
            flight.fall_back()
            self._approach(flight, now)
            return
        where = {"request_id": flight.call.passenger.id, "provider": target.provider, "code": error.code}
        _log.info("no provider could answer", extra=where)
        self._finish(flight, flight.failed(failures.exhausted(error, flight.complaints, flight.attempts), now))

    def _resume(self, flight: Flight[Token]) -> None:
        """Try again after a pause."""
        now = self._clock()
        flight.end_pause(now)
        self._approach(flight, now)

    def _expire(self, flight: Flight[Token]) -> None:
        """End a call whose deadline passed while it waited for a slot."""
        now = self._clock()
        flight.end_wait(now)
        self._lanes[flight.target.provider].limiter.withdraw(flight)
        self._finish(flight, flight.failed(failures.expired(flight.attempts), now))

    def _release(self, lane: _Lane[Token]) -> None:
        lane.limiter.leave()
        self._fill(lane)

    def _fill(self, lane: _Lane[Token]) -> None:
        """Begin waiting calls while slots are free. A loop, not a recursion through providers that answer at once."""
        if lane.filling or not self._starting:
            return
        lane.filling = True
        try:
            while (flight := lane.limiter.next()) is not None:
                if not self._attempt(flight, lane, self._clock()):
                    lane.limiter.leave()
        finally:
            lane.filling = False

    def _finish(self, flight: Flight[Token], completion: Completion) -> None:
        self._outstanding.remove(flight)
        self._on_completion(flight.token, completion)
