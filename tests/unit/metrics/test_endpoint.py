"""The endpoint of one process, asked over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import httpx
import pytest
from prometheus_client.metrics_core import Metric

from schemas.errors import ConfigurationError
from schemas.settings import MetricsSettings
from streams.metrics.catalogue import FIGURES, HELD
from streams.metrics.endpoint import Condition, endpoint
from streams.metrics.exposition import SAMPLES_AT_ONCE, exposition, of_this_process, parts
from streams.metrics.families import family, histogram
from streams.metrics.joining import addresses, ask, joined, total

SOME = family(HELD, [(("intake",), 3), (("providers",), 4)])


async def some() -> Iterable[Metric]:
    return [SOME]


async def fine() -> Condition:
    return Condition(True, "ok", {"held": 7})


async def crashed() -> Condition:
    return Condition(False, "crashed")


async def test_figures_and_health_are_answered() -> None:
    async with (
        endpoint(MetricsSettings(), some, fine) as place,
        httpx.AsyncClient(base_url=f"http://{place}") as http,
    ):
        figures = await http.get("/metrics")
        health = await http.get("/health")
    assert figures.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'asahi_requests_held{stage="intake"} 3.0' in figures.text
    assert (health.status_code, health.json()) == (200, {"status": "ok", "held": 7})


async def test_whoever_does_no_work_is_not_well() -> None:
    async with endpoint(MetricsSettings(), some, crashed) as place, httpx.AsyncClient() as http:
        health = await http.get(f"http://{place}/health")
    assert (health.status_code, health.json()) == (503, {"status": "crashed"})


async def test_it_can_be_turned_off() -> None:
    async with endpoint(MetricsSettings(enabled=False), some, fine) as place:
        assert place is None


async def test_a_port_that_is_taken_costs_the_figures_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async with endpoint(MetricsSettings(), some, fine) as place:
        assert place is not None
        taken = MetricsSettings(port=int(place.rpartition(":")[2]))
        with caplog.at_level(logging.ERROR):
            async with endpoint(taken, some, fine) as nowhere:
                assert nowhere is None
        assert "metrics.port" in caplog.text
        with pytest.raises(
            ConfigurationError, match=r"port \d+ of 127\.0\.0\.1 cannot be used .*\(ASAHI_METRICS_PORT\)"
        ):
            async with endpoint(taken, some, fine, required=True):
                pass


async def test_others_get_their_turn_while_a_long_figure_is_written() -> None:
    figure = next(figure for figure in FIGURES if figure.name == "gen_ai_client_token_usage")
    long = histogram(
        figure, [(("chat", "p", f"m{number}", "input"), [1] * len(figure.bounds) + [1], 2.0) for number in range(20)]
    )
    assert len(long.samples) > 5 * SAMPLES_AT_ONCE
    texts = list(parts(long))
    assert all(text.count(b"\n") <= SAMPLES_AT_ONCE + 2 for text in texts)
    whole = await exposition([long])
    assert whole == b"".join(texts)
    assert whole.count(b"# TYPE") == whole.count(b"# HELP") == 1
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(beside())
    await exposition([long] * 50)
    assert turns >= 10, "it takes some 100 ms and stops for others after every one"
    task.cancel()


async def test_a_process_tells_its_memory_and_cpu() -> None:
    names = {one.name for one in of_this_process()}
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "process_start_time_seconds"} <= names


async def test_processes_are_joined_under_their_names_and_one_that_is_away_is_down() -> None:
    async with endpoint(MetricsSettings(), some, fine) as first, endpoint(MetricsSettings(), some, fine) as second:
        assert first is not None
        assert second is not None
        places = {"worker-1": first, "worker-2": second, "sink": "127.0.0.1:1"}
        answers = await ask(places, 5.0)
    assert answers["sink"] is None
    families = list(joined(answers))
    text = (await exposition(families)).decode()
    assert 'asahi_process_up{process="sink"} 0.0' in text
    assert 'asahi_requests_held{process="worker-2",stage="intake"} 3.0' in text
    assert text.count("# TYPE asahi_requests_held gauge") == 1
    assert total(families, HELD) == 14
    assert total(families, HELD, stage="providers", process="worker-1") == 4


async def test_a_process_that_answers_something_else_is_down() -> None:
    async def nonsense() -> Iterable[Metric]:
        raise RuntimeError("a bug")

    async with endpoint(MetricsSettings(), nonsense, fine) as place:
        assert place is not None
        assert await ask({"worker": place}, 5.0) == {"worker": None}


async def test_targets_are_looked_up_and_what_has_no_address_stays_to_be_shown_as_down() -> None:
    assert await addresses("") == {}
    assert await addresses("localhost:9464") == {"127.0.0.1:9464": "127.0.0.1:9464"}
    found = await addresses("127.0.0.1:9464, [::1]:9465,no-such-host.invalid:9464")
    assert found == {
        "127.0.0.1:9464": "127.0.0.1:9464",
        "[::1]:9465": "[::1]:9465",
        "no-such-host.invalid:9464": "no-such-host.invalid:9464",
    }
