from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.accounting.correction import Difference, Place, Recount, repriced
from agents.accounting.recost import report, show
from schemas.result import Lane
from schemas.usage import Usage
from schemas.wire import Tokens, UsageRecord
from tests.flow.models import a_model, a_registry

THEN = datetime(2026, 11, 23, tzinfo=UTC)
CHEAPER = a_registry(
    a_model("big", price={"input": 5, "output": 30, "batch": 0.5}), a_model("small", price={"input": 1, "output": 1})
)


def logged(model: str = "big", cost: str = "0.016", **fields: Any) -> UsageRecord:
    return UsageRecord(
        **{
            "id": "call-1",
            "request_id": "r1",
            "tenant": "acme",
            "model": model,
            "provider": "east",
            "lane": Lane.BULK,
            "usage": Tokens(1000, 0, 200),
            "cost_usd": cost,
            "price_list": "list-0",
            "latency_ms": 40.0,
            "occurred_at": THEN,
            **fields,
        }
    )


def test_a_correction_is_the_same_call_at_another_price() -> None:
    record = logged(tags={"team": "a"}, revision=2, superseded=True)
    corrected = repriced(record, CHEAPER)
    assert corrected == msgspec.structs.replace(record, cost_usd="0.011", price_list="list-1", revision=3)
    assert Usage.model_validate_json(msgspec.json.encode(corrected)).cost_usd == Decimal("0.011")


def test_a_call_of_the_batch_lane_is_priced_as_one() -> None:
    corrected = repriced(logged(batch=True), CHEAPER)
    assert corrected is not None
    assert Decimal(corrected.cost_usd) == Decimal("0.0055")


def test_a_model_without_a_price_keeps_its_cost() -> None:
    assert repriced(logged("withdrawn"), CHEAPER) is None


def test_differences_are_told_by_model_and_price_list() -> None:
    recount = Recount(CHEAPER)
    estimated = logged(price_list="estimated/x/list-0", cost="0.1", id="call-2")
    corrections = recount.add([logged(), estimated, logged("withdrawn", "0.5"), logged("small", "0.0012")])
    assert [correction.id for correction in corrections] == ["call-1", "call-2"]
    assert recount.add([logged(cost="0.011", id="call-3")]) == []
    assert recount.differences == {
        Place("big", "list-0"): Difference(2, 1, 0, Decimal("0.027"), Decimal("0.022")),
        Place("big", "estimated/x/list-0"): Difference(1, 1, 0, Decimal("0.1"), Decimal("0.011")),
        Place("withdrawn", "list-0"): Difference(1, 0, 1, Decimal("0.5"), Decimal("0.5")),
        Place("small", "list-0"): Difference(1, 0, 0, Decimal("0.0012"), Decimal("0.0012")),
    }
    total = recount.total()
    assert (total.calls, total.changed, total.unpriced, total.difference_usd) == (5, 2, 1, Decimal("-0.094"))


def test_the_report_begins_with_the_greatest_difference() -> None:
    recount = Recount(CHEAPER)
    recount.add([logged(), logged("small", "0.5", price_list="list-00")])
    told = report(recount, THEN, applied=False)
    assert [(line["model"], line["difference_usd"]) for line in told["differences"]] == [
        ("small", Decimal("-0.4988")),
        ("big", Decimal("-0.005")),
    ]
    assert (told["since"], told["price_list"], told["applied"]) == ("2026-11-23T00:00:00+00:00", "list-1", False)
    assert told["total"]["difference_usd"] == Decimal("-0.5038")


def test_people_see_what_changes_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    recount = Recount(CHEAPER)
    show(recount, applied=False)
    assert capsys.readouterr().out == "no calls since then\n"
    recount.add([logged(), logged("withdrawn", "1.5")])
    show(recount, applied=False)
    heading, *lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert heading == "model calls changed no price before after difference priced by"
    assert lines == [
        "big 1 1 0 $0.0160 $0.0110 $-0.005000 list-0",
        "withdrawn 1 0 1 $1.50 $1.50 $0 list-0",
        "all 2 1 1 $1.52 $1.51 $-0.005000",
        "under list-1",
        "nothing was changed; --apply sends the corrections to the log",
    ]
    show(recount, applied=True)
    assert "1 corrections sent" in capsys.readouterr().out
