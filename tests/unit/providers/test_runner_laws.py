"""Whatever providers do, every call ends exactly once, and no limit is passed on the way."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.protocol import Prompt, Reply
from agents.providers.scripted import ANSWER
from schemas.batch import Completion
from schemas.errors import ProviderOverloaded, ProviderRefused, ProviderUnreadable
from schemas.wire import Tokens
from tests.unit.providers.calls import Bench, call, settings
from tests.unit.providers.virtual_time import START, run

TIMEOUT = 2.0
BILLED = ProviderUnreadable("provider_unreadable", "no choice", Tokens(1, 0, 1))


class Moody:
    """A provider whose next outcomes are drawn by the test; counts what is under way and what it billed."""

    def __init__(self, moods: list[tuple[str, float]]) -> None:
        self._moods = iter(moods * 50)
        self.under_way = 0
        self.most_under_way = 0
        self.billed = 0

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | asyncio.Task[Reply]:
        mood, seconds = next(self._moods, ("answer", 0.0))
        if not seconds:
            return self._outcome(mood)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        return asyncio.ensure_future(self._later(mood, seconds))

    async def _later(self, mood: str, seconds: float) -> Reply:
        try:
            await asyncio.sleep(seconds)
            return self._outcome(mood)
        finally:
            self.under_way -= 1

    def _outcome(self, mood: str) -> Reply:
        if mood == "busy":
            raise ProviderOverloaded("provider_overloaded", "busy", 0.5)
        if mood == "refuse":
            raise ProviderRefused("provider_refused", "no")
        if mood == "bug":
            raise ZeroDivisionError
        self.billed += 1
        if mood == "garble":
            raise BILLED
        return ANSWER

    async def close(self) -> None:
        """Nothing to close."""


moods = st.lists(
    st.tuples(st.sampled_from(["answer", "busy", "refuse", "garble", "bug"]), st.sampled_from([0.0, 0.3, 1.0, 9.0])),
    min_size=1,
    max_size=12,
)
requests = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["main", "spare", "gone"]), min_size=1, max_size=3),
        st.none() | st.floats(-1, 5),
    ),
    max_size=15,
)


@modest(max_examples=60, deadline=None)
@given(main=moods, spare=moods, requests=requests, limit=st.integers(1, 4))
def test_every_call_ends_exactly_once_and_bills_are_exact(
    main: list[tuple[str, float]],
    spare: list[tuple[str, float]],
    requests: list[tuple[list[str], float | None]],
    limit: int,
) -> None:
    providers = {"main": Moody(main), "spare": Moody(spare)}
    section = settings(max_in_flight=limit, timeout_seconds=TIMEOUT)

    async def test() -> Bench:
        bench = Bench(providers, dict.fromkeys(providers, section))
        for number, (targets, seconds) in enumerate(requests):
            deadline = None if seconds is None else START + seconds
            bench.submit(call(f"r{number}", *targets, deadline=deadline))
        await bench.runner.idle()
        assert all(bench.runner.in_flight(name) == 0 for name in providers)
        assert all(bench.runner.backlog(name) == 0 for name in providers)
        return bench

    bench = run(test())
    assert sorted(bench.done) == sorted(f"r{number}" for number in range(len(requests)))
    completions: list[Completion] = [completion for _, completion in bench.completions]
    assert all((completion.answer is None) != (completion.failure is None) for completion in completions)
    paid = [call.id for completion in completions for call in completion.paid]
    assert len(paid) == len(set(paid)) == sum(provider.billed for provider in providers.values())
    assert all(provider.most_under_way <= limit for provider in providers.values())
    for (_, seconds), completion in zip(requests, by_number(bench), strict=True):
        if seconds is not None:
            assert completion.completed_at <= START + max(0.0, seconds) + 0.02


def by_number(bench: Bench) -> list[Completion]:
    return [completion for _, completion in sorted(bench.completions, key=lambda pair: int(pair[0][1:]))]
