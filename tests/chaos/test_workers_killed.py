"""Workers killed with -9 while requests pour in: every request has one result, every paid call is counted once."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos.conftest import Report
from tests.chaos.rig import Rig, running
from tests.kafka.polling import until

ROUNDS = {"embedded": 10, "apache": int(os.environ.get("ASAHI_APACHE_KILLS", "4"))}
REQUESTS_PER_ROUND = 500
SEED = 20_261_123
PATIENCE_SECONDS = 120.0
"""Workers start within it even where other tests take the cores."""


@pytest.mark.timeout(900)
async def test_kills_lose_nothing_and_repeat_only_what_was_in_flight(
    tmp_path: Path, own_broker: str, broker_kind: str, report: Report
) -> None:
    """Ten kills on the embedded broker; fewer on Apache Kafka, where `ASAHI_APACHE_KILLS=10` makes as many."""
    chance, rounds = random.Random(SEED), ROUNDS[broker_kind]
    async with running(tmp_path, own_broker, broker_kind, workers=2, latency_seconds=0.05) as rig:
        in_flight = 0
        for round_ in range(rounds):
            in_flight += await _kill_amid(rig, round_, chance)
            answers = await rig.wait_for_results((round_ + 1) * REQUESTS_PER_ROUND, PATIENCE_SECONDS)
        total = rounds * REQUESTS_PER_ROUND

        assert sum(len(outcomes) for outcomes in answers.results.values()) == total, "one terminal result each"
        assert {status for (outcome,) in answers.results.values() for _, status in [outcome]} == {"completed"}
        calls = rig.calls_by_request()
        repeated = calls.total() - len(calls)
        assert repeated <= in_flight, f"{repeated} calls repeated, {in_flight} were in flight at the kills"
        completed_calls = sum(len(ids) for ids in answers.usages.values())
        assert set(answers.usages) == set(answers.results)
        assert total <= completed_calls <= calls.total()
        await rig.wait_for_rows("SELECT count(), uniqExact(id) FROM asahi.results", (total, total), PATIENCE_SECONDS)
        await rig.wait_for_rows("SELECT count() FROM asahi.usage", (completed_calls,), PATIENCE_SECONDS)
        await rig.check_money()
        report(
            requests=total,
            kills=rounds,
            calls_repeated=repeated,
            in_flight_at_kills=in_flight,
            result_messages_repeated=answers.repeats,
            usage_events=completed_calls,
        )


async def _kill_amid(rig: Rig, round_: int, chance: random.Random) -> int:
    """Send a round, kill a worker at a random moment of it, start another.

    Returns:
        How many requests had been asked of the provider whose outcome was not in the log when the worker died.
    """
    before = len(rig.provider.calls)
    await rig.send(f"r{round_}-{number}" for number in range(REQUESTS_PER_ROUND))
    share = chance.uniform(0.05, 0.9)
    await until(lambda: len(rig.provider.calls) >= before + share * REQUESTS_PER_ROUND, PATIENCE_SECONDS)
    rig.kill_worker(chance.randrange(len(rig.workers)))
    asked = set(rig.calls_by_request())
    rig.start_worker()
    return len(asked - await rig.completed())
