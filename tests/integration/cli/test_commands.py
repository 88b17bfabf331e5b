"""Every command against one running stack."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest

from agents.analytics.live.events import published
from schemas.anomaly import AnomalyOpened
from streams.cli.app import run
from streams.cli.environment import SOURCES
from streams.cli.invocation import Invocation
from streams.contract.examples import EXAMPLES
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.submission.workload import workload
from streams.topics import ANOMALIES
from tests.integration.cli.commands import STOP_SECONDS, Asahi, Up, answered, eventually, write_lines
from tests.integration.cli.told import Samples, by, scraped, state_of
from tests.servers.collector import Collector, collector


@pytest.fixture(scope="module")
def traces() -> Iterator[Collector]:
    """Where the stack sends its spans."""
    with collector() as kept:
        yield kept


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, traces: Collector) -> Iterator[Up]:
    """A stack with one worker that traces what asks for it."""
    environment = {"ASAHI_TRACING_ENDPOINT": traces.endpoint}
    up = Up(tmp_path_factory.mktemp("stack") / "data", environment=environment)
    up.wait_for("Ctrl-C stops it")
    yield up
    assert up.stop() == 0, up.said()


def test_a_file_is_answered_and_the_totals_add_up(asahi: Asahi, tmp_path: Path) -> None:
    requests = write_lines(tmp_path / "in.jsonl", [*workload(300, seed=1), {"prompt": 5}])
    output = tmp_path / "out.jsonl"
    said = asahi("submit", str(requests), "--output", str(output), "--json")
    assert said.code == 0
    assert (said.json["rows"], said.json["refused"], said.json["by_status"]["rejected"]) == (301, 1, 1)
    rows = [orjson.loads(line) for line in output.read_bytes().splitlines()]
    assert [row["id"].rpartition(":")[2] for row in rows] == [str(number) for number in range(1, 302)]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(said.json["cost_usd"])

    def archived() -> bool:
        totals = asahi("status", "--json").json["totals"]
        return sum(int(row["results"]) for row in totals["results_by_status"]) >= 300

    eventually(archived)
    status = asahi("status", "--json")
    assert (status.code, status.json["healthy"]) == (0, True)
    (spend,) = status.json["totals"]["spend"]
    (usage,) = status.json["totals"]["usage"]
    assert Decimal(spend["spent_usd"]) == Decimal(usage["spent_usd"]) == Decimal(said.json["cost_usd"])
    assert Decimal(spend["baseline_usd"]) == Decimal(said.json["baseline_usd"])
    again = asahi("submit", str(requests), "--output", str(output))
    assert again.out.startswith(f"{output} is complete already: 301 rows")


def test_prometheus_is_told_what_clickhouse_says(asahi: Asahi, running: Up, tmp_path: Path) -> None:
    requests = write_lines(tmp_path / "in.jsonl", list(workload(200, seed=2)))
    assert asahi("submit", str(requests), "--output", str(tmp_path / "out.jsonl"), "--json").code == 0
    state = state_of(running.data_dir)

    def told() -> Samples:
        return scraped(state["metrics"])

    def results() -> dict[str, int]:
        totals = asahi("status", "--json").json["totals"]
        return {row["status"]: int(row["results"]) for row in totals["results_by_status"]}

    eventually(lambda: not by(told(), "asahi_stage_lag_messages", "topic"))
    eventually(lambda: results() == by(told(), "asahi_requests_total", "status"))
    samples, status = told(), asahi("status", "--json").json
    totals = status["totals"]
    (usage,) = totals["usage"]
    assert sum(by(samples, "asahi_spend_usd_total", "model").values()) == pytest.approx(float(usage["spent_usd"]))
    assert sum(by(samples, "asahi_paid_calls_total", "model").values()) == usage["calls"]
    tokens = by(samples, "asahi_tokens_total", "type")
    assert (tokens["input"], tokens["output"]) == (int(usage["input_tokens"]), int(usage["output_tokens"]))
    assert by(samples, "asahi_cache_hits_total", "tier") == {row["tier"]: int(row["hits"]) for row in totals["cache"]}
    saved, extra = (by(samples, f"asahi_{name}_usd_total", "cause") for name in ("saved", "extra_cost"))
    assert {cause: saved.get(cause, 0.0) - extra.get(cause, 0.0) for cause in {*saved, *extra}} == pytest.approx(
        {row["cause"]: float(row["saved_usd"]) for row in totals["savings"] if float(row["saved_usd"])}
    )
    calls = by(samples, "asahi_provider_calls_total", "outcome")
    assert calls == {"answered": usage["calls"]}
    assert by(samples, "asahi_sink_rows_total", "process").keys() == {"sink"}

    def agree() -> bool:
        """Compare two looks; a checkpoint of the audit trail may be written between them."""
        samples, stages = told(), asahi("status", "--json").json["stages"]
        places = [frozenset({("stage", stage["stage"]), ("topic", stage["topic"])}) for stage in stages]
        shown = [(stage["lag"], stage["members"]) for stage in stages]
        return shown == [
            (samples["asahi_stage_lag_messages", place], samples["asahi_stage_members", place]) for place in places
        ]

    eventually(agree)
    lines = {line["process"]: line for line in status["processes"]}
    assert lines.keys() == state["processes"].keys() == {"worker-1", "sink", "analyst"}
    assert all(line["up"] for line in lines.values())
    assert lines["worker-1"]["written"] == sum(results().values())
    assert (lines["worker-1"]["held"], lines["worker-1"]["in_flight"]) == (0, 0)
    assert "\nworker-1 " in asahi("status").out


def test_each_process_and_the_one_place_say_how_they_are(asahi: Asahi, running: Up) -> None:
    state = state_of(running.data_dir)
    for address in (state["metrics"], *state["processes"].values()):
        health = httpx.get(f"http://{address}/health", timeout=30)
        assert (health.status_code, health.json()["status"]) == (200, "ok"), address
    printed = asahi("metrics")
    assert printed.code == 0
    assert 'asahi_process_up{process="worker-1"} 1.0' in printed.out
    assert f"Prometheus   http://{state['metrics']}/metrics" in running.said()


def test_the_one_place_may_be_a_process_of_its_own(running: Up) -> None:
    command = [sys.executable, "-m", "streams.cli", "--data-dir", str(running.data_dir), "metrics", "--serve"]
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        address = serving.stdout.readline().strip().removeprefix("http://").removesuffix("/metrics")
        assert by(scraped(address), "asahi_process_up", "process") == {"worker-1": 1, "sink": 1, "analyst": 1}
        serving.terminate()
        assert serving.wait(STOP_SECONDS) == 0


def test_a_request_is_traced_from_its_sender_to_its_result(asahi: Asahi, traces: Collector, tmp_path: Path) -> None:
    trace_id, sender = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    request = {"tenant": "demo", "prompt": "What is traced?", "trace": {"traceparent": f"00-{trace_id}-{sender}-01"}}
    silent = {"traceparent": f"00-{trace_id[::-1]}-{sender}-00"}
    given = answered(
        asahi, tmp_path, request | {"id": "traced"}, request | {"id": "silent", "trace": silent, "prompt": "Hush!"}
    )
    traces.wait(lambda kept: any(span.parent_id == sender for span in kept.spans))
    spans = {span.name: span for span in traces.spans}
    result = next(result for name, result in given.items() if name.endswith("traced"))
    root, call = spans["process asahi.requests"], spans[f"chat {result['model']}"]
    assert {span.trace_id for span in traces.spans} == {trace_id}
    assert root.parent_id == sender
    assert {span.parent_id for name, span in spans.items() if name != root.name} == {root.span_id}
    assert spans.keys() - {root.name, call.name} == result["stages_ms"].keys() - {"provider"}
    assert root.attributes["asahi.request.id"] == result["id"]
    assert root.end - root.start == pytest.approx(result["latency_ms"] * 1e6, abs=1e6)
    assert call.attributes["gen_ai.usage.output_tokens"] == result["usage"]["output_tokens"]
    assert all(root.start <= span.start <= span.end <= root.end for span in spans.values())
    for stage, spent in result["stages_ms"].items():
        span = call if stage == "provider" else spans[stage]
        assert span.end - span.start == pytest.approx(spent * 1e6, abs=1e3)


def test_openai_lines_come_back_in_openai_s_format(asahi: Asahi, tmp_path: Path) -> None:
    body = {"model": "gpt-4-turbo", "messages": [{"role": "user", "content": "Good morning"}], "max_tokens": 20}
    line = {"custom_id": "first one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    requests = write_lines(tmp_path / "in.jsonl", [line, line | {"custom_id": "b", "body": body | {"n": 3}}])
    output = tmp_path / "out.jsonl"
    said = asahi("submit", str(requests), "-o", str(output), "--format", "openai", "--deadline-hours", "1")
    assert said.code == 0
    assert "1 lines were wrong" in said.out
    good, bad = (orjson.loads(row) for row in output.read_bytes().splitlines())
    assert (good["custom_id"], good["error"], good["response"]["status_code"]) == ("first one", None, 200)
    assert good["response"]["body"]["model"] == "gpt-4-turbo"
    assert good["response"]["body"]["usage"]["completion_tokens"] <= 20
    assert (bad["custom_id"], bad["response"]["status_code"]) == ("b", 400)
    assert bad["response"]["body"]["error"]["param"] == "body.n"


def test_one_question_is_answered(asahi: Asahi) -> None:
    said = asahi("infer", "--prompt", "Good morning", "--mock")
    assert said.code == 0
    assert said.out.strip()
    assert "than gpt-4-turbo" in said.err
    whole = asahi("infer", "--prompt", "Good morning", "--model", "gpt-4-turbo", "--json")
    assert (whole.json["status"], whole.json["model"]) == ("completed", "gpt-4-turbo")


def test_a_rejected_question_says_why_and_what_to_do(asahi: Asahi) -> None:
    said = asahi("infer", "--prompt", "hi", "--model", "no-such-model")
    assert said.code == 1
    assert "rejected unknown_model: " in said.out
    assert "what to do: " in said.out
    stranger = asahi("infer", "--prompt", "hi", "--tenant", "stranger")
    assert stranger.code == 1
    assert "stranger" in stranger.out


def test_status_for_people_names_every_stage(asahi: Asahi) -> None:
    said = asahi("status")
    assert said.code == 0
    for stage in ("intake", "providers", "accounting", "audit", "sink"):
        assert f"\n{stage} " in said.out
    assert "\nanalyst " in said.out.partition("\nprocess ")[2], "among the processes, too"


COMMANDS_OF_A_TENANT = (
    ("anomalies", "list"),
    ("forecast",),
    ("cache", "stats"),
    ("recommend",),
    ("audit", "query"),
    ("governance", "keys", "list"),
)


@pytest.mark.parametrize("command", COMMANDS_OF_A_TENANT)
def test_a_tenant_that_nobody_knows_is_told_from_one_of_whom_there_is_nothing_to_tell(
    asahi: Asahi, command: tuple[str, ...]
) -> None:
    said = asahi(*command, "--tenant", "dmeo")
    assert (said.code, "'dmeo'" in said.err) == (2, True), said
    assert asahi(*command, "--tenant", "demo").code == 0


def test_topics_tables_and_schemas_are_there(asahi: Asahi) -> None:
    created = asahi("topics", "--create")
    assert "(created)" not in created.out
    assert created.err == "registered tenants: demo\n"
    assert not any(topic["created"] for topic in asahi("topics", "--create", "--json").json)
    assert asahi("migrate").out == "the tables are up to date\n"


def test_a_dead_letter_is_listed_shown_and_replayed(asahi: Asahi, running: Up) -> None:
    bootstrap = orjson.loads((running.data_dir / "stack.json").read_bytes())["bootstrap"]
    run_producer(bootstrap, [b"no json", b"x" * 300_000])
    eventually(lambda: len(asahi("deadletter", "list", "--json").json) == 2)
    long, short = sorted(asahi("deadletter", "list", "--json").json, key=lambda letter: -letter["size"])
    assert "no dead letters" not in asahi("deadletter", "list").out
    shown = asahi("deadletter", "show", short["id"])
    assert "no json" in shown.out
    assert asahi("deadletter", "show", short["id"], "--json").json["source_topic"] == "asahi.requests"
    assert "…" in asahi("deadletter", "show", long["id"]).out

    refused = asahi("deadletter", "replay", short["id"], long["id"])
    assert refused.code == 2
    assert "holds only the beginning of 300,000 bytes" in refused.err
    missing = asahi("deadletter", "replay", "nothing")
    assert (missing.code, missing.err[:7]) == (2, "error: ")

    assert asahi("deadletter", "replay", short["id"]).code == 0
    eventually(lambda: len(asahi("deadletter", "list", "--json").json) == 3)


def run_producer(bootstrap: str, values: list[bytes]) -> None:
    import asyncio

    from aiokafka import AIOKafkaProducer

    async def produce() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            for value in values:
                await producer.send_and_wait("asahi.requests", value, key=b"demo")

    asyncio.run(produce())


def test_an_anomaly_is_listed_shown_acknowledged_and_muted(asahi: Asahi, running: Up) -> None:
    assert asahi("anomalies", "list").out.startswith("no anomalies. Of an organization that is new ")
    assert "no forecasts yet" in asahi("forecast").out
    settings = Invocation(running.data_dir).attached()
    event = AnomalyOpened.model_validate(EXAMPLES[AnomalyOpened]["spend"])

    async def tell() -> None:
        async with Outbox(settings.kafka) as outbox:
            partition = home_partition(event.tenant, settings.kafka.partitions)
            await outbox.publish(ANOMALIES.name, partition, [published(event)])

    asyncio.run(tell())
    eventually(lambda: asahi("anomalies", "list", "--open", "--json").json != [])
    assert "user amara 99 %" in asahi("anomalies", "list", "--tenant", "demo", "--metric", "spend").out
    assert asahi("anomalies", "list", "--metric", "tokens", "--json").json == []
    shown = asahi("anomalies", "show", event.anomaly)
    assert "user amara: 99 % of the change" in shown.out
    unknown = asahi("anomalies", "show", "no/such/anomaly")
    assert (unknown.code, "asahi anomalies list" in unknown.err) == (2, True)

    said = asahi("anomalies", "acknowledge", event.anomaly, "--reason", "a test", "--json")
    assert said.json["reason"] == "a test"
    eventually(lambda: asahi("anomalies", "show", event.anomaly, "--json").json["acknowledged_reason"] == "a test")
    assert "acknowledged" in asahi("anomalies", "list").out

    assert "muted until" in asahi("anomalies", "mute", event.anomaly, "--for", "4h").out
    assert (
        "muted no longer: anomalies of demo in spend"
        in asahi("anomalies", "unmute", "--tenant", "demo", "--metric", "spend").out
    )
    assert "name one anomaly by its id" in asahi("anomalies", "mute", "--for", "4h").err


def test_the_tables_are_what_the_archive_says(asahi: Asahi) -> None:
    said = asahi("replay", "--json")
    assert said.code == 0
    assert {
        table["table"]: table["changed"] + table["missing"] + table["surplus"] for table in said.json["tables"]
    } == (dict.fromkeys((table["table"] for table in said.json["tables"]), 0))
    assert "identical" in asahi("replay", "--swap").out


def test_a_worker_that_is_killed_is_started_again(asahi: Asahi, running: Up) -> None:
    def pid() -> int | None:
        try:
            recorded = orjson.loads((running.data_dir / "worker-1.pid").read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):  # between two workers: gone, or not yet written
            return None
        return int(recorded["child"]["pid"])

    first = pid()
    assert first is not None
    psutil.Process(first).kill()
    eventually(lambda: "starting it again" in running.said() and pid() not in (None, first))
    assert asahi("infer", "--prompt", "Still there?").code == 0
    eventually(lambda: asahi("status", "--json").code == 0)
    eventually(lambda: asahi("metrics").code == 0)  # and its figures are where they were


def test_clickhouse_answers_the_query_that_up_suggests(asahi: Asahi, running: Up) -> None:
    (suggested,) = [line for line in running.said().splitlines() if line.lstrip().startswith("curl")]
    _, url, _, sql, _ = suggested.split("'")
    assert "completed" in httpx.post(url, content=sql).text


def test_logged_calls_are_priced_again(asahi: Asahi, running: Up, tmp_path: Path) -> None:
    asked = asahi("infer", "--prompt", "What does this cost?", "--model", "gpt-4-turbo", "--json").json
    url = orjson.loads((running.data_dir / "stack.json").read_bytes())["clickhouse_url"]
    logged = f"SELECT count() FROM asahi.usage WHERE request_id = '{asked['id']}'"
    eventually(lambda: httpx.post(url, content=logged).text.strip() == "1")  # and with it every call before
    dearer = tmp_path / "prices.yaml"
    dearer.write_text(
        "date: 2026-12-01\nmodels:\n"
        "  - {name: gpt-4-turbo, providers: [simulated], context_window: 128000, quality: {default: 0.9},"
        " speed: {first_token_ms: 600, tokens_per_second: 40}, price: {input: 20, output: 60}}\n"
    )
    again = ("recost", "--since", "2026-01-01", "--prices", str(dearer))

    def told() -> dict[str, Any]:
        lines = [line for line in asahi(*again, "--json").json["differences"] if line["model"] == "gpt-4-turbo"]
        return {key: sum(Decimal(line[key]) for line in lines) for key in ("before_usd", "after_usd", "changed")}

    seen = told()
    assert seen["before_usd"] >= Decimal(asked["cost_usd"]) > 0
    assert seen["after_usd"] == 2 * seen["before_usd"]
    shown = asahi(*again)
    assert shown.code == 0
    assert "nothing was changed; --apply sends the corrections" in shown.out
    applied = asahi(*again, "--apply")
    assert f"{seen['changed']:,} corrections sent" in applied.out
    eventually(lambda: told()["changed"] == 0)
    assert told()["before_usd"] == seen["after_usd"]
    assert asahi("replay", "--json").code == 0
    assert asahi("recost", "--since", "2100-01-01").out == "no calls since then\n"
    missing = asahi("recost", "--since", "2026-01-01", "--prices", str(tmp_path / "none.yaml"))
    assert (missing.code, "none.yaml" in missing.err) == (2, True)


def test_a_second_stack_on_the_same_folder_is_refused(asahi: Asahi) -> None:
    said = asahi("up")
    assert said.code == 2
    assert "another stack" in said.err


def test_without_a_running_stack_status_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASAHI_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("ASAHI_CLICKHOUSE_URL", "http://127.0.0.1:1")
    assert run(["--data-dir", str(tmp_path), "status"]) == 1
    said = capsys.readouterr().out
    assert "no broker answers at 127.0.0.1:1" in said
    assert "ClickHouse at http://127.0.0.1:1" in said
    assert run(["--data-dir", str(tmp_path), "status", "--json"]) == 1
    document = orjson.loads(capsys.readouterr().out)
    assert (document["healthy"], document["stages"], document["totals"]) == (False, [], None)
    assert "127.0.0.1:1" in document["kafka"]["error"]
