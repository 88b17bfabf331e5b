"""A bug costs the request it strikes: that one fails with a dead letter, and all others are served."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from schemas.batch import Completion
from schemas.registry import ModelRegistry, ModelSpec
from streams.stage import Flow, Journey, Keeper
from streams.tenancy.state import PartitionState
from tests.flow.models import three_models
from tests.pipeline.rig import Rig, ask, serve, settings
from tests.pipeline.traffic import FAR_SECONDS, in_seconds
from tests.unit.providers.virtual_time import run

COMMON = settings()
STEPS = ("governance", "cache", "windows", "routing")


@dataclass
class Poisoned:
    """A step that processes everything and then trips over one request."""

    step: Any
    poison: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.step, name)

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        flow: Flow = self.step.process(journeys, now)
        for journey in journeys:
            if journey.request.id == self.poison:
                raise ZeroDivisionError(f"poisoned by {self.poison}")
        return flow


class PoisonedKeeper(Poisoned):
    """The same around a step that keeps journeys back."""

    def withdraw(self, journey: Journey) -> None:
        self.step.withdraw(journey)


def poisoned(name: str, poison: str) -> Callable[[PartitionState], PartitionState]:
    def fit(state: PartitionState) -> PartitionState:
        step = getattr(state, name)
        kind = PoisonedKeeper if isinstance(step, Keeper) else Poisoned
        setattr(state, name, kind(step, poison))
        return state

    return fit


@pytest.mark.parametrize("step", STEPS)
def test_a_bug_in_a_step_costs_the_request_it_strikes(step: str) -> None:
    rig = serve(Rig(COMMON, fit=poisoned(step, "r2")), *(ask(f"r{number}") for number in range(5)))
    assert rig.statuses() == {f"r{number}": "failed" if number == 2 else "completed" for number in range(5)}
    error = rig.results()["r2"][0]["error"]
    assert error["code"] == "internal_error"
    assert "poisoned" not in error["message"]
    [letter] = rig.dead_letters()
    assert letter["id"] == "bug/acme/r2"
    assert "ZeroDivisionError: poisoned by r2" in letter["traceback"]
    assert b64decode(letter["value_base64"]) == ask("r2")
    assert sorted(one.request_id for one in rig.asked) == ["r0", "r1", "r3", "r4"]


@pytest.mark.parametrize("step", STEPS)
def test_identical_requests_are_served_once_each_when_their_leader_trips(step: str) -> None:
    same = [ask(f"r{number}", prompt="same") for number in range(4)]
    rig = serve(Rig(COMMON, fit=poisoned(step, "r0")), *same, ask("other"))
    statuses = rig.statuses()
    assert statuses.pop("r0") == "failed"
    assert sorted(statuses.values()) == ["cached", "cached", "completed", "completed"]
    assert len(rig.asked) == 2


@pytest.mark.parametrize("step", STEPS)
def test_a_request_that_trips_while_it_waits_leaves_its_leader_alone(step: str) -> None:
    same = [ask(f"r{number}", prompt="same") for number in range(4)]
    rig = serve(Rig(COMMON, fit=poisoned(step, "r2")), *same)
    statuses = rig.statuses()
    tripped = statuses.pop("r2")
    # behind the cache a waiting request passes no step any more, so it cannot trip there
    assert tripped == ("failed" if step in ("governance", "cache") else "cached")
    assert sorted(statuses.values()) == ["cached", "cached", "completed"]


@pytest.mark.parametrize("step", ["windows", "routing"])
def test_bulk_requests_in_one_window_outlive_the_one_that_trips(step: str) -> None:
    far = in_seconds(FAR_SECONDS)
    rig = serve(Rig(COMMON, fit=poisoned(step, "r1")), *(ask(f"r{number}", constraints=far) for number in range(4)))
    assert rig.statuses() == {f"r{number}": "failed" if number == 1 else "completed" for number in range(4)}
    assert len(rig.asked) == 3


def test_the_same_bug_strikes_after_every_restart_and_the_worker_lives() -> None:
    async def test() -> Rig:
        rig = Rig(COMMON, fit=poisoned("routing", "r1"))
        cluster = rig.cluster()
        cluster.submit(ask("r0"), "acme")
        cluster.submit(ask("r1", constraints=in_seconds(FAR_SECONDS)), "acme")
        for _ in range(3):
            worker = await cluster.join()
            await asyncio.sleep(0.5)
            await cluster.leave(worker)
        await cluster.join()
        await cluster.drained()
        return rig

    assert run(test()).statuses() == {"r0": "completed", "r1": "failed"}


def test_a_bug_in_the_decoder_is_a_dead_letter_of_the_message() -> None:
    class Irritable(bytes):
        """A message at which the decoder fails."""

        def startswith(self, *_: object) -> bool:
            raise ZeroDivisionError("irritated")

    rig = serve(Rig(COMMON), ask("r1"), Irritable(ask("r2")), ask("r3"))
    assert rig.statuses() == {"r1": "completed", "r3": "completed"}
    [letter] = rig.dead_letters()
    assert (letter["code"], letter["stage"]) == ("internal_error", "intake")
    assert "irritated" in letter["traceback"]
    assert b64decode(letter["value_base64"]) == ask("r2")


class PoisonedPrices(ModelRegistry):
    """A price list that fails where a completed call is priced, for as long as it is poisoned."""

    def __init__(self) -> None:
        models = three_models()
        super().__init__(tuple(models), models.price_list)
        self.poison = False

    def get(self, name: str) -> ModelSpec | None:
        if self.poison:
            raise ZeroDivisionError("no prices today")
        return super().get(name)


def test_a_completion_that_cannot_be_priced_fails_and_who_waited_is_served() -> None:
    async def test() -> Rig:
        prices = PoisonedPrices()
        rig = Rig(COMMON, registry=prices)
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("r1", prompt="same"), "acme")
        await asyncio.sleep(0.02)
        prices.poison = True
        await asyncio.sleep(0.2)
        prices.poison = False
        cluster.submit(ask("r2", prompt="same"), "acme")
        await cluster.drained()
        return rig

    rig = run(test())
    assert rig.statuses() == {"r1": "failed", "r2": "cached"}
    [letter] = rig.dead_letters()
    assert (letter["stage"], letter["source_topic"]) == ("accounting", "asahi.internal.completions")
    assert "no prices today" in letter["traceback"]
    assert b'"r1","acme"' in b64decode(letter["value_base64"])


def test_who_waits_fails_when_the_cache_cannot_release_it() -> None:
    def fit(state: PartitionState) -> PartitionState:
        complete = state.cache.complete

        def broken(completion: Completion, now: float) -> Flow:
            if completion.answer is not None:
                raise ZeroDivisionError("no answer today")
            return complete(completion, now)

        state.cache.complete = broken  # type: ignore[method-assign]
        return state

    rig = serve(Rig(COMMON, fit=fit), *(ask(f"r{number}", prompt="same") for number in range(3)))
    assert rig.statuses() == {"r0": "completed", "r1": "failed", "r2": "failed"}
    [letter] = rig.dead_letters()
    assert "no answer today" in letter["traceback"]
