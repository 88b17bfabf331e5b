"""Calls to test with, and a runner that collects what it completes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import msgspec

from agents.providers.protocol import Provider
from agents.providers.runner import CallRunner
from schemas.batch import Call, Completion, Passenger, Target
from schemas.result import Lane
from schemas.settings import ProviderSettings
from schemas.wire import Choice
from tests.unit.providers.virtual_time import START, clock

MODEL = "gpt-4-turbo"


def settings(kind: str = "simulated", **changes: object) -> ProviderSettings:
    return ProviderSettings.model_validate({"kind": kind, **changes})


def call(name: str = "r1", *providers: str, deadline: float | None = None, dispatched_at: float = START) -> Call:
    body = msgspec.json.encode({"version": 1, "id": name, "tenant": "demo", "prompt": f"Question {name}?"})
    return Call(
        passenger=Passenger(
            name, "demo", 3, "d1", Lane.BULK, Choice("cheapest", "because").encoded(), MODEL, START - 1
        ),
        body=body,
        targets=tuple(Target(MODEL, provider) for provider in providers or ("main",)),
        dispatched_at=dispatched_at,
        deadline=deadline,
        stages_ms={"cache": 0.5},
    )


class Bench:
    """A runner over these providers, and the completions it gave, in order."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        sections: Mapping[str, ProviderSettings] | None = None,
        jitter: float = 0.5,
    ) -> None:
        self.completions: list[tuple[str, Completion]] = []
        ids = itertools.count(1)
        self.runner: CallRunner[str] = CallRunner(
            providers,
            sections or {name: settings() for name in providers},
            clock=clock,
            call_id=lambda: f"paid-{next(ids)}",
            on_completion=lambda token, completion: self.completions.append((token, completion)),
            jitter=lambda: jitter,
        )

    def submit(self, *calls: Call) -> None:
        for one in calls:
            self.runner.submit(one, one.passenger.id)

    async def finish(self, *calls: Call) -> list[Completion]:
        self.submit(*calls)
        await self.runner.idle()
        return [completion for _, completion in self.completions]

    @property
    def done(self) -> list[str]:
        return [token for token, _ in self.completions]
