"""Calls through the real runner and the real providers to a server on a real socket."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from agents.providers.protocol import Prompt
from agents.providers.registry import KINDS
from agents.providers.runner import CallRunner
from schemas.batch import Call, Completion, Passenger, Target
from schemas.result import Lane
from schemas.settings import ProviderSettings
from schemas.wire import Choice

MODEL = "some-model"
QUICK = {"backoff_seconds": 0.01, "backoff_max_seconds": 0.5, "timeout_seconds": 1.0, "api_key_env": "TEST_KEY"}


def section(kind: str, base_url: str, **changes: Any) -> ProviderSettings:
    return ProviderSettings.model_validate({"kind": kind, "base_url": base_url, **QUICK, **changes})


def call(name: str, *providers: str, deadline: float | None = None) -> Call:
    return call_of(Prompt(name, prompt=f"Question {name}?", tenant="demo"), *providers, deadline=deadline)


def call_of(prompt: Prompt, *providers: str, deadline: float | None = None) -> Call:
    targets = tuple(Target(MODEL, provider) for provider in providers)
    choice = Choice("cheapest", "because").encoded()
    passenger = Passenger(prompt.id, "demo", 0, "d1", Lane.BULK, choice, MODEL, time.time())
    return Call(passenger, msgspec.json.encode(prompt), targets, time.time(), deadline)


class Run:
    """A runner over these providers, and what it completed, by request id."""

    def __init__(self, sections: Mapping[str, ProviderSettings]) -> None:
        ids = itertools.count()
        self.done: dict[str, Completion] = {}
        self.runner: CallRunner[str] = CallRunner(
            {name: KINDS[settings.kind](name, settings) for name, settings in sections.items()},
            sections,
            clock=time.time,
            call_id=lambda: f"paid-{next(ids)}",
            on_completion=self.done.__setitem__,
        )

    async def finish(self, *calls: Call, seconds: float = 30.0) -> dict[str, Completion]:
        for one in calls:
            self.runner.submit(one, one.passenger.id)
        async with asyncio.timeout(seconds):
            await self.runner.idle()
            await self.runner.close()
        return self.done


def code_of(completion: Completion) -> str | None:
    return None if completion.failure is None else completion.failure.code
