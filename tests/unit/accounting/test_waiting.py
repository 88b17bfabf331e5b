"""What of a delivery of completions waits for a data key is held, and is settled once it is accounted for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from agents.accounting.agent import Accounting
from schemas.batch import Completion, Passenger
from schemas.errors import KeyOutOfReach
from schemas.result import Lane
from schemas.wire import Answer, ResultRecord, UsageRecord
from streams.background import Background
from streams.receipts import Capacity
from streams.records import Record
from streams.sealing.codec import ContentCodec, written_completions
from streams.sealing.envelope import ContentKey
from streams.sealing.patience import Patience
from streams.stage import Flow, Receipt
from streams.tenancy.delivery import Delivery
from streams.tenancy.fold import EndedStep
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState
from streams.topics import COMPLETIONS
from tests.unit.providers.virtual_time import clock, run

LIMIT = 100


class Keys:
    """Two data keys, each within reach or not."""

    def __init__(self) -> None:
        self.held = {
            name: ContentKey(name, bytes([number]) * 32, os.urandom)
            for number, name in enumerate(("11" * 16, "22" * 16))
        }
        self.away: set[str] = set()

    def key(self, tenant: str, key_id: str) -> ContentKey:
        if key_id in self.away:
            raise KeyOutOfReach(tenant, key_id, "the vault is away")
        return self.held[key_id]


@dataclass
class Settlement:
    result: ResultRecord | None = None
    usages: Sequence[UsageRecord] = ()


@dataclass
class Durable:
    """Stands in for the delivery: it notes in how many goes results became durable."""

    codec: ContentCodec
    patience: Patience
    rounds: int = 0

    async def usages_then_results(
        self,
        state: PartitionState,
        results: Sequence[tuple[ResultRecord, Receipt | None]],
        usages: Sequence[UsageRecord],
    ) -> None:
        self.rounds += 1


@dataclass
class Stage:
    """The accounting of one partition, and which answers reached it in which order."""

    keys: Keys = field(default_factory=Keys)
    answers: list[str | None] = field(default_factory=list)
    acknowledged: int = 0
    capacity: Capacity = field(default_factory=lambda: Capacity(LIMIT))

    def __post_init__(self) -> None:
        codec = ContentCodec(self.keys)
        self.codec, self.delivery = codec, Durable(codec, Patience(self.keys))
        state = SimpleNamespace(
            partition=0,
            has_answered=lambda _: False,
            windows=SimpleNamespace(learn=lambda _: None),
            cache=SimpleNamespace(complete=lambda *_: Flow()),
        )
        self.background = Background(lambda wrong: None)
        self.accounting = Accounting(
            cast("Tenancy", SimpleNamespace(states={0: state}, note_completions=lambda *_: None)),
            self._settle,
            cast("Delivery", self.delivery),
            self._onward,
            self._steps_ended,
            self.background,
            clock,
            1000,
            self.capacity,
        )

    def _settle(self, completion: Completion, now: float, superseded: bool) -> Settlement:
        self.answers.append(None if completion.answer is None else completion.answer.content)
        return Settlement()

    async def _onward(self, state: PartitionState, flow: Flow) -> None:
        raise AssertionError("nobody waits")

    async def _steps_ended(self, state: PartitionState, ended: Sequence[EndedStep]) -> None:
        raise AssertionError("there are no steps")

    def _acknowledge(self) -> None:
        self.acknowledged += 1

    async def receive(self, *data_keys: str | None) -> None:
        completions = [self._completion(str(number), key) for number, key in enumerate(data_keys)]
        value = written_completions([self.codec.sealed_completion(one) for one in completions])
        self.keys.away = set(self.keys.held)
        record = Record(COMPLETIONS.name, 0, 0, None, value, (), 0.0)
        await self.accounting.receive(0, [record], self._acknowledge)

    @staticmethod
    def _completion(name: str, key: str | None) -> Completion:
        passenger = Passenger(name, "acme", 0, "d", Lane.BULK, b"", "big", 1.0, data_key=key)
        return Completion(passenger, 2.0, Answer(name, None, "stop"))

    async def held(self) -> tuple[int, int]:
        """Return how many completions are held, and how many messages acknowledged, once nothing happens any more."""
        await asyncio.sleep(LIMIT)
        return self.capacity.used, self.acknowledged


def test_only_those_wait_whose_key_is_out_of_reach_and_each_is_settled_once() -> None:
    async def test() -> None:
        stage = Stage()
        first, second = stage.keys.held
        await stage.receive(None, first, second, None, first)
        assert await stage.held() == (3, 0)
        assert stage.answers == ["0", "3"]
        stage.keys.away = {first}
        assert await stage.held() == (2, 0)
        stage.keys.away = set()
        assert await stage.held() == (0, 1)
        assert stage.answers == ["0", "3", "2", "1", "4"]
        assert stage.delivery.rounds == 3

    run(test())


def test_where_all_wait_nothing_is_settled_and_what_was_given_up_gives_nothing_back() -> None:
    async def test() -> None:
        stage = Stage()
        first, _ = stage.keys.held
        await stage.receive(first, first)
        assert await stage.held() == (2, 0)
        assert stage.delivery.rounds == 0
        await stage.delivery.patience.let_go()
        await stage.background.settled()
        stage.capacity.reset()
        stage.keys.away = set()
        assert await stage.held() == (0, 0)
        assert stage.answers == []

    run(test())
