from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.result import Status
from schemas.wire import Answer, BaselineRecord, ResultRecord
from streams.submission.identity import Asking
from streams.submission.journal import Journal
from streams.submission.output import Output
from streams.submission.rows import RowFormat
from streams.submission.run import Run
from streams.submission.source import Fingerprint
from streams.submission.window import Entry

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
LONGEST = 4096


@dataclass(frozen=True)
class Arrived:
    value: bytes | None
    partition: int = 0
    offset: int = 0


def result(request_id: str, content: str = "hi", offset: int = 0, tenant: str = "demo") -> Arrived:
    record = ResultRecord(
        id=request_id,
        status=Status.COMPLETED,
        cost_usd="0.25",
        received_at=AT,
        completed_at=AT,
        tenant=tenant,
        output=Answer(content=content),
        baseline=BaselineRecord("gpt-4-turbo", "1.00"),
    )
    return Arrived(msgspec.json.encode(record), 0, offset)


def journal(content: bytes, row_format: RowFormat = RowFormat.ASAHI) -> Journal:
    return Journal(
        submission="sub",
        input=Fingerprint("digest", len(content), content.count(b"\n")),
        asking=Asking("demo"),
        row_format=row_format,
        cluster="c",
        started_at=AT,
        positions={},
    )


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    with Output(tmp_path / "out.jsonl") as opened:
        yield opened


def begun(content: bytes, output: Output, row_format: RowFormat = RowFormat.ASAHI, concurrency: int = 100) -> Run:
    return Run(journal(content, row_format), io.BytesIO(content), output, concurrency, LONGEST)


def rows(output: Output) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in output.path.read_bytes().splitlines()]


def ids(entries: list[Entry]) -> list[str]:
    return [entry.id for entry in entries]


def prompts(count: int) -> bytes:
    return b"".join(b'{"prompt":"p%d"}\n' % number for number in range(1, count + 1))


def test_lines_go_out_and_results_come_back_in_order(output: Output) -> None:
    run = begun(prompts(3), output)
    assert ids(run.fill(100)) == ["sub:1", "sub:2", "sub:3"]
    assert run.exhausted
    assert run.take([result("sub:3"), result("sub:1")]) == 2
    run.write()
    assert [row["id"] for row in rows(output)] == ["sub:1"]
    finished_early = run.finished
    assert run.take([result("sub:2")]) == 1
    run.write()
    assert (finished_early, run.finished) == (False, True)
    run.close()
    assert [row["id"] for row in rows(output)] == ["sub:1", "sub:2", "sub:3"]
    tally = run.journal.tally
    assert (tally.rows, tally.by_status, tally.refused) == (3, {"completed": 3}, 0)
    assert (tally.cost_usd, tally.baseline_usd) == (Decimal("0.75"), Decimal("3.00"))
    assert (run.journal.complete, run.journal.lines) == (True, 3)


def test_a_result_is_written_as_it_came(output: Output) -> None:
    run = begun(prompts(2), output)
    run.fill(100)
    spelled = b'{"status":"completed",  "tenant":"demo", "id":"sub:1","new_field":[1]}'
    run.take([Arrived(spelled), Arrived(b'{"status":"failed",\n "tenant":"demo","id":"sub:2","cost_usd":"0.5"}')])
    run.write()
    assert (
        output.path.read_bytes() == spelled + b'\n{"status":"failed","tenant":"demo","id":"sub:2","cost_usd":"0.5"}\n'
    )


def test_the_first_result_wins(output: Output) -> None:
    run = begun(prompts(1), output)
    run.fill(100)
    assert run.take([result("sub:1", "first"), result("sub:1", "second")]) == 1
    run.write()
    assert run.take([result("sub:1", "third")]) == 0
    assert rows(output)[0]["output"]["content"] == "first"


def test_what_is_no_result_of_ours_is_passed_over(output: Output) -> None:
    run = begun(prompts(1), output)
    run.fill(100)
    others = [
        result("another"),
        result("sub:1", tenant="another"),
        Arrived(None),
        Arrived(b"junk"),
        Arrived(b'{"id":"sub:1","status":5}'),
    ]
    assert run.take(others) == 0
    assert run.window.unanswered == 1


def test_bad_lines_become_rejected_rows_in_their_place(output: Output) -> None:
    run = begun(b'{"prompt":"a"}\n{"prompt":5}\nnonsense\n', output)
    assert ids(run.fill(100)) == ["sub:1"]
    run.take([result("sub:1")])
    run.write()
    made = rows(output)
    assert [(row["id"], row["status"]) for row in made] == [
        ("sub:1", "completed"),
        ("sub:2", "rejected"),
        ("sub:3", "rejected"),
    ]
    assert made[1]["error"]["message"].startswith("line 2: prompt: ")
    assert (made[1]["tenant"], made[1]["completed_at"]) == ("demo", "2026-11-23T08:00:00Z")
    assert (run.journal.tally.refused, run.journal.tally.by_status["rejected"]) == (2, 2)


def test_a_repeated_line_is_sent_once_and_answered_twice(output: Output) -> None:
    run = begun(b'{"id":"x","prompt":"a"}\n{"id":"x","prompt":"a"}\n', output)
    assert ids(run.fill(100)) == ["x"]
    run.take([result("x")])
    run.write()
    assert [row["id"] for row in rows(output)] == ["x", "x"]
    assert run.journal.tally.rows == 2


def test_tenants_do_not_share_their_ids(output: Output) -> None:
    run = begun(b'{"id":"x","prompt":"a"}\n{"id":"x","prompt":"b","tenant":"acme"}\n', output)
    assert ids(run.fill(100)) == ["x", "x"]
    run.take([result("x", "second", tenant="acme"), result("x", "first")])
    run.write()
    assert [row["output"]["content"] for row in rows(output)] == ["first", "second"]


@pytest.mark.parametrize("row_format", list(RowFormat))
def test_another_request_under_a_used_id_is_refused(output: Output, row_format: RowFormat) -> None:
    content = b'{"id":"x","prompt":"a"}\n{"id":"x","prompt":"b"}\n'
    run = begun(content, output, row_format)
    assert ids(run.fill(100)) == ["x"]
    run.take([result("x")])
    run.write()
    second = rows(output)[1]
    error = second["error"] if row_format is RowFormat.ASAHI else second["response"]["body"]["error"]
    assert error["code"] == "duplicate_id"
    assert error["message"].startswith("line 2: the id is already used by line 1")


def test_openai_rows_carry_the_custom_id_or_the_request_id(output: Output) -> None:
    body = {"model": "gpt-4-turbo", "messages": [{"role": "user", "content": "a"}]}
    line = {"custom_id": "c 1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    run = begun(orjson.dumps(line) + b'\n{"prompt":"a"}\n', output, RowFormat.OPENAI)
    sent = run.fill(100)
    run.take([result(sent[0].id), result(sent[1].id)])
    run.write()
    assert [row["custom_id"] for row in rows(output)] == ["c 1", "sub:2"]
    assert [row["response"]["status_code"] for row in rows(output)] == [200, 200]


def test_no_more_lines_than_the_window_holds_are_read_ahead(output: Output) -> None:
    run = begun(prompts(10), output, concurrency=4)
    assert ids(run.fill(3)) == ["sub:1", "sub:2", "sub:3"]
    assert ids(run.fill(3)) == ["sub:4"]
    assert run.fill(3) == []
    run.take([result("sub:1"), result("sub:2")])
    run.write()
    assert ids(run.fill(3)) == ["sub:5", "sub:6"]
    assert not run.exhausted


def test_the_journal_says_where_to_go_on(output: Output) -> None:
    content = prompts(5)
    run = begun(content, output)
    run.fill(100)
    run.take([result("sub:1", offset=7), result("sub:2", offset=8), result("sub:4", offset=3)])
    run.write()
    run.note_positions({0: 9, 1: 4})
    noted = run.journal
    assert (noted.lines, noted.input_offset) == (2, 2 * len(b'{"prompt":"p1"}\n'))
    assert noted.output_bytes == output.path.stat().st_size
    assert noted.positions == {0: 3, 1: 4}
    resumed = Run(noted, io.BytesIO(content), output, 100, LONGEST)
    assert ids(resumed.fill(100)) == ["sub:3", "sub:4", "sub:5"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(count=st.integers(0, 12), concurrency=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_any_interleaving_gives_one_row_per_line_in_order(
    output: Output, count: int, concurrency: int, seed: int
) -> None:
    chance = random.Random(seed)
    output.cut(0)
    run = begun(prompts(count), output, concurrency=concurrency)
    in_flight: list[str] = []
    while not run.finished:
        in_flight += ids(run.fill(chance.randint(1, 5)))
        run.take([result(each) for each in chance.choices(in_flight or ["other"], k=3)])
        run.write()
    assert [row["id"] for row in rows(output)] == [f"sub:{number}" for number in range(1, count + 1)]
    assert run.journal.tally.rows == count
