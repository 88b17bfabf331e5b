"""What commands say about a submission and about ClickHouse's totals."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.errors import EmbeddedServiceError
from streams.cli import progress as shown_progress
from streams.cli.demo import Outcome, adds_up
from streams.cli.progress import figures, shown
from streams.cli.submit import document, sentences
from streams.cli.totals import Totals
from streams.cli.totals import sentences as totals_sentences
from streams.submission.identity import Asking
from streams.submission.journal import Journal
from streams.submission.rows import RowFormat
from streams.submission.source import Fingerprint
from streams.submission.submission import Summary
from streams.submission.tally import Progress, Tally

OUTPUT = Path("out.jsonl")
TALLY = Tally(1000, 2, {"completed": 700, "cached": 297, "rejected": 3}, Decimal("0.25"), Decimal(5))
UNDER_WAY = Progress(2000, 1000, 500, TALLY, 250.0, 4.0, 0.2)


def summary(tally: Tally = TALLY, earlier_lines: int = 0, seconds: float = 2.0) -> Summary:
    journal = Journal(
        submission="sub",
        input=Fingerprint("digest", 1, 1000),
        asking=Asking("demo"),
        row_format=RowFormat.ASAHI,
        cluster="c",
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
        positions={},
        tally=tally,
    )
    return Summary(journal, earlier_lines, seconds, 1000)


def totals(**changes: list[dict[str, Any]]) -> Totals:
    usual: Totals = {
        "results_by_status": [
            {"status": "completed", "results": 700},
            {"status": "cached", "results": 297},
            {"status": "rejected", "results": 3},
        ],
        "cache": [{"tier": "exact", "hits": 297}],
        "models": [{"model": "small", "answers": 700}],
        "spend": [{"spent_usd": Decimal("0.25"), "baseline_usd": Decimal(5)}],
        "savings": [{"cause": "routing", "saved_usd": Decimal("4.75")}],
        "usage": [{"spent_usd": Decimal("0.25"), "wasted_usd": Decimal(0), "wasted_calls": 0}],
        "throughput": [{"results_per_second": 500.0}],
        "latency": [{"status": "completed", "p50_ms": 12.3, "p99_ms": 45.6}],
        "dead_letters": [],
    }
    return usual | changes


def test_progress_says_speed_money_and_time_left() -> None:
    assert figures(UNDER_WAY) == "250/s · $0.2500 · 95 % less · 4.0 s left"
    assert figures(replace(UNDER_WAY, tally=Tally(), eta_seconds=None, per_second=0.0)) == "0/s · $0"
    assert figures(replace(UNDER_WAY, done=2000)) == "250/s · $0.2500 · 95 % less"


def test_a_long_silence_says_where_to_look() -> None:
    assert figures(replace(UNDER_WAY, waiting_seconds=20.0)).endswith("no result for 20.0 s: see `asahi status`")


def test_without_a_terminal_progress_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_progress, "LINE_SECONDS", 0.0)
    file = io.StringIO()
    with shown(Console(file=file, width=200), "in.jsonl") as observe:
        observe(UNDER_WAY)
    assert file.getvalue() == "in.jsonl: 1,000/2,000 · 250/s · $0.2500 · 95 % less · 4.0 s left\n"
    monkeypatch.setattr(shown_progress, "LINE_SECONDS", 60.0)
    with shown(Console(file=file, width=200), "in.jsonl") as observe:
        observe(UNDER_WAY)
    assert file.getvalue().count("\n") == 1


def test_on_a_terminal_progress_is_a_bar() -> None:
    file = io.StringIO()
    with shown(Console(file=file, force_terminal=True, width=160), "in.jsonl") as observe:
        observe(UNDER_WAY)
    assert "1000/2000" in file.getvalue()
    assert "4.0 s left" in file.getvalue()


def test_a_submission_ends_with_counts_money_and_time() -> None:
    assert sentences(summary(), OUTPUT) == [
        "1,000 rows in out.jsonl: 297 cached · 700 completed · 3 rejected",
        "2 lines were wrong and never sent; their rows say why",
        "spent $0.2500, 95 % less than $5.00 at the reference model",
        "took 2.0 s, 500 rows/s",
    ]
    resumed = sentences(summary(earlier_lines=600), OUTPUT)
    assert resumed[-1] == "took 2.0 s, 200 rows/s (went on behind line 600)"
    assert sentences(summary(Tally()), OUTPUT)[:2] == ["0 rows in out.jsonl: nothing to do", "spent $0"]
    assert sentences(summary(seconds=0.0), OUTPUT) == [
        "out.jsonl is complete already: 1,000 rows. Remove it to submit again."
    ]


def test_the_summary_for_programs_has_exact_money() -> None:
    said = document(summary(), OUTPUT)
    assert (said["cost_usd"], said["baseline_usd"], said["rows"]) == (Decimal("0.25"), Decimal(5), 1000)
    assert said["by_status"] == TALLY.by_status


def test_totals_are_said_in_words() -> None:
    said = dict(totals_sentences(totals()))
    assert said["results"] == "700 completed · 297 cached · 3 rejected"
    assert said["cache hits"] == "297 exact"
    assert said["spent"] == "$0.2500 instead of $5.00, 95 % less (saved by routing $4.75)"
    assert said["latency completed"] == "p50 12 ms · p99 46 ms"
    assert not {"wasted", "dead letters"} & set(said)


def test_totals_mention_what_is_wrong_only_when_it_is() -> None:
    wasted = [{"spent_usd": Decimal(1), "wasted_usd": Decimal("0.5"), "wasted_calls": 7}]
    said = dict(totals_sentences(totals(usage=wasted, dead_letters=[{"messages": 3}, {"messages": 4}])))
    assert said["wasted"] == "7 calls made twice, $0.5000"
    assert said["dead letters"] == "7: see `asahi deadletter list`"


def test_totals_of_nothing_and_of_free_answers() -> None:
    assert totals_sentences(totals(results_by_status=[])) == [("results", "none yet")]
    free = [{"spent_usd": None, "baseline_usd": None}]
    assert dict(totals_sentences(totals(spend=free, cache=[], models=[])))["spent"] == "$0"


def test_the_demo_s_numbers_must_add_up() -> None:
    assert "agree" in adds_up(Outcome(summary(), totals(), OUTPUT))
    with pytest.raises(EmbeddedServiceError, match="results and ClickHouse differ"):
        adds_up(Outcome(summary(), totals(results_by_status=[{"status": "completed", "results": 999}]), OUTPUT))
    more = [{"spent_usd": Decimal("0.26"), "wasted_usd": Decimal(0), "wasted_calls": 0}]
    with pytest.raises(EmbeddedServiceError, match=r"results cost 0.25, but calls 0.26"):
        adds_up(Outcome(summary(), totals(usage=more), OUTPUT))
