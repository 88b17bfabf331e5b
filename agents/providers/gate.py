"""Where flights wait until their provider may be called: for a slot, for the limits per minute, for its recovery."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from agents.providers.flight import Flight
from agents.providers.lane import Lane
from agents.providers.outstanding import Outstanding
from agents.providers.retries import pause_while_held
from schemas.errors import ProviderError
from schemas.provider_health import Circuit

_log = logging.getLogger(__name__)

PACE_INSTANT_SECONDS = 0.005
"""Calls that limits per minute let begin within it begin together."""

Token = TypeVar("Token")


class Gate(Generic[Token]):
    """Lets flights through to their providers.

    Args:
        lanes: By provider name.
        outstanding: Keeps the flights and their alarms.
        clock: Returns Unix seconds.
        begin: Begins an attempt; returns whether it is under way, and its slot with it.
        turn_away: Gets a flight that need not wait here any longer, and why.
        expire: Gets a flight whose deadline has passed.

    Attributes:
        open: Whether anybody is let through.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane[Token]],
        outstanding: Outstanding[Token],
        clock: Callable[[], float],
        *,
        begin: Callable[[Flight[Token], Lane[Token], float], bool],
        turn_away: Callable[[Flight[Token], ProviderError, float], None],
        expire: Callable[[Flight[Token], float], None],
    ) -> None:
        self._lanes = lanes
        self._outstanding = outstanding
        self._clock = clock
        self._begin = begin
        self._turn_away = turn_away
        self._on_expiry = expire
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.open = True

    def approach(self, flight: Flight[Token], lane: Lane[Token], now: float) -> None:
        """Begin an attempt, or wait for one."""
        if not self.open:
            self._outstanding.add(flight)
        elif not lane.calm and self._hold_back(flight, lane, now):
            pass
        elif lane.enter(flight, now):
            if not self._begin(flight, lane, now):
                self.release(lane)
        else:
            self._outstanding.add(flight)
            if flight.call.deadline is not None:
                self._outstanding.arm(flight, flight.call.deadline - now, self._expire)
            self._keep_pace(lane, now)

    def resume(self, flight: Flight[Token]) -> None:
        """Try again after a pause."""
        now = self._clock()
        flight.end_pause(now)
        lane = self._lanes[flight.target.provider]
        lane.withdraw(flight)
        self.approach(flight, lane, now)

    def release(self, lane: Lane[Token]) -> None:
        """Give back a slot."""
        lane.limiter.leave()
        if lane.limiter.backlog:
            self.fill(lane)

    def fill(self, lane: Lane[Token]) -> None:
        """Begin waiting calls while slots are free. A loop, not a recursion through providers that answer at once."""
        if lane.filling or not self.open:
            return
        lane.filling = True
        try:
            while (flight := lane.next(now := self._clock())) is not None:
                held = not lane.calm and self._hold_back(flight, lane, now)
                if held or not self._begin(flight, lane, now):
                    lane.limiter.leave()
        finally:
            lane.filling = False
        self._keep_pace(lane, now)

    def note(self, lane: Lane[Token], flight: Flight[Token], circuit: Circuit) -> None:
        """Log that a circuit breaker changed, and move those on who wait behind it."""
        model = flight.target.model
        where = {"provider": lane.name, "model": model, "openings": lane.model(model).breaker.openings}
        _log.warning("circuit breaker is %s", circuit.value, extra=where)
        asyncio.get_running_loop().call_soon(self._reconsider, lane, model)

    def close(self) -> None:
        """Drop the timers."""
        while self._timers:
            self._timers.popitem()[1].cancel()

    def _hold_back(self, flight: Flight[Token], lane: Lane[Token], now: float) -> bool:
        """Turn back a call that would fail, to wait or to go elsewhere; returns whether it was."""
        flight.end_wait(now)
        hold = lane.hold(flight, now)
        if hold is None:
            return False
        error, wait = hold
        left = flight.seconds_left(now)
        held_since = flight.held_since or now
        pause = pause_while_held(
            error,
            lane.settings,
            wait=wait,
            held_seconds=now - held_since,
            has_fallback=flight.has_fallback,
            fallback_is_free=self._fallback_is_free(flight, now),
            has_answer=flight.kept is not None,
        )
        if left <= 0:
            self._on_expiry(flight, now)
        elif pause is None:
            self._turn_away(flight, error, now)
        else:
            flight.held_since = held_since
            lane.model(flight.target.model).held[flight] = None
            self._outstanding.add(flight)
            self._outstanding.arm(flight, min(pause, left), self.resume)
        return True

    def _fallback_is_free(self, flight: Flight[Token], now: float) -> bool:
        following = flight.fallback
        lane = None if following is None else self._lanes.get(following.provider)
        return following is not None and lane is not None and lane.is_free(following.model, now)

    def _reconsider(self, lane: Lane[Token], model: str) -> None:
        """Let everyone who waits for this model ask again: to turn elsewhere, or to come through."""
        now = self._clock()
        for flight in lane.waiting_for(model):
            self._outstanding.disarm(flight)
            flight.end_wait(now)
            self.approach(flight, lane, now)

    def _keep_pace(self, lane: Lane[Token], now: float) -> None:
        """Come back when the limits per minute let the next waiting call begin."""
        if lane.name not in self._timers and (wait := lane.pause(now)):
            self._timers[lane.name] = asyncio.get_running_loop().call_later(
                max(wait, PACE_INSTANT_SECONDS), self._on_pace, lane
            )

    def _on_pace(self, lane: Lane[Token]) -> None:
        del self._timers[lane.name]
        self.fill(lane)

    def _expire(self, flight: Flight[Token]) -> None:
        """End a call whose deadline passed while it waited for a slot."""
        now = self._clock()
        flight.end_wait(now)
        self._lanes[flight.target.provider].withdraw(flight)
        self._on_expiry(flight, now)
