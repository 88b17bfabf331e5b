"""What recommendations say: ids, months, overlaps, queries, and the pages that people read."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.recommendations.cases import key_of
from agents.recommendations.display import document, show_all, show_one
from agents.recommendations.evidence import PLACE, Value, sql_of, with_values
from agents.recommendations.kinds import BY_NAME, KINDS
from agents.recommendations.kinds.cheaper_model import CHEAPER_MODEL
from agents.recommendations.making import Finding
from agents.recommendations.overlap import ranked, together
from agents.recommendations.terms import Period
from schemas.recommendation import RecommendationMade
from schemas.settings import ClickHouseSettings
from tests.unit.recommendations.made import SINCE, UNTIL, made, naming, terms

TITLES = {kind.name: kind.title for kind in KINDS}
WEEK = Period(SINCE, UNTIL, SINCE, 86_400)
NOTHING_LEFT: Counter[str] = Counter()


def one(requests: int = 5) -> RecommendationMade:
    (found,) = made(CHEAPER_MODEL, [naming("big", number) for number in range(requests)])
    return found


def test_every_kind_has_a_name_a_title_and_its_query() -> None:
    assert len(BY_NAME) == len(KINDS)
    for kind in KINDS:
        assert kind.title
        assert (kind.cases is None) != (kind.rows is None)
        assert "{tenant:String}" in sql_of(kind.name)


def test_the_same_on_the_same_day_has_the_same_id() -> None:
    assert one().id == one(7).id
    later = terms()
    moved = Period(SINCE + timedelta(hours=1), UNTIL + timedelta(hours=1), SINCE)
    (found,) = made(CHEAPER_MODEL, [naming("big")], replace(later, period=moved))
    assert found.id == one().id
    next_day = Period(SINCE + timedelta(days=1), UNTIL + timedelta(days=1), SINCE)
    (found,) = made(CHEAPER_MODEL, [naming("big")], replace(later, period=next_day))
    assert found.id != one().id


def test_a_month_is_projected_from_what_was_observed() -> None:
    half = Period(SINCE, UNTIL, SINCE + timedelta(days=4), 86_400)
    assert half.monthly(Decimal(3)) == Decimal(30)
    assert Period(SINCE, UNTIL, UNTIL - timedelta(hours=1), 86_400).monthly(Decimal(3)) is None
    assert Period(SINCE, UNTIL).monthly(Decimal(3)) is None


def test_values_are_written_as_clickhouse_reads_them() -> None:
    sql = "SELECT {name:String}, {since:DateTime64(6, 'UTC')}, {least:UInt64}"
    values: dict[str, Value] = {"name": "it's \\ {x:String}", "since": SINCE, "least": 7}
    expected = "SELECT 'it\\'s \\\\ {x:String}', toDateTime64('2026-11-20 00:00:00.000000', 6, 'UTC'), toUInt64(7)"
    assert with_values(sql, values) == expected
    assert PLACE.search(one().query) is None


keys = st.lists(st.integers(0, 12), unique=True, max_size=8)


@given(st.lists(st.tuples(keys, st.integers(0, 50)), max_size=7))
def test_what_is_saved_together_counts_no_request_twice(drawn: list[tuple[list[int], int]]) -> None:
    template = one()
    findings = [
        Finding(template.model_copy(update={"id": f"id{place}", "saving_usd": Decimal(usd)}), array("Q", held))
        for place, (held, usd) in enumerate(drawn)
    ]
    told = ranked(findings)
    held = {f"id{place}": set(each) for place, (each, _) in enumerate(drawn)}
    for made_ in told:
        shared = {other: len(held[made_.id] & held[other]) for other in held if other != made_.id}
        assert {each.id: each.requests for each in made_.overlaps} == {k: v for k, v in shared.items() if v}
    total, count = together(told)
    assert total <= sum(made_.saving_usd for made_ in told)
    assert count <= len(told)
    assert [made_.saving_usd for made_ in told] == sorted((made_.saving_usd for made_ in told), reverse=True)
    if not any(made_.overlaps for made_ in told):
        assert total == sum(made_.saving_usd for made_ in told)


def test_keys_tell_requests_apart() -> None:
    assert key_of("acme", "r1") == key_of("acme", "r1") != key_of("acme", "r2")
    assert key_of("a", "cme\0r1") != key_of("acme", "r1")


def said(
    capsys: pytest.CaptureFixture[str], told: list[RecommendationMade], period: Period = WEEK, **more: int
) -> str:
    left_out = (
        Counter({"their requests are encrypted": more.get("left_out", 0)}) if more.get("left_out") else Counter()
    )
    show_all(told, period, left_out, TITLES, more.get("requests", 100), 20)
    return capsys.readouterr().out


def test_people_read_what_to_do_and_what_it_saves(capsys: pytest.CaptureFixture[str]) -> None:
    found = one()
    page = said(capsys, [found], left_out=3)
    assert found.id[:8] in page
    assert "$0.0720" in page
    assert "$0.3086" in page
    assert "→ in these requests, leave out" in page
    assert "3 requests were not looked at: their requests are encrypted" in page
    assert "a month is 30 days at this pace" in page
    assert "$3.00 are at stake." in said(capsys, [found.model_copy(update={"at_stake_usd": Decimal(3)})])
    short = Period(SINCE, UNTIL, UNTIL - timedelta(hours=1), 86_400)
    assert "too short to project" in said(capsys, [found.model_copy(update={"monthly_usd": None})], short)


def test_people_read_that_savings_do_not_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (one().model_copy(update={"id": name * 32}) for name in "ab")
    apart = ranked([Finding(a, array("Q", [1])), Finding(b, array("Q", [2]))])
    assert "Together they save $0.1440: no two of them" in said(capsys, apart)
    shared = ranked([Finding(a, array("Q", [1, 2])), Finding(b, array("Q", [2]))])
    page = said(capsys, shared)
    assert "Together they save $0.0720 at least" in page
    show_one(shared[0], "a title", ClickHouseSettings())
    assert "1 requests with bbbbbbbb" in capsys.readouterr().out


def test_people_read_why_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert "too little to go by: 3 requests" in said(capsys, [], requests=3)
    assert "nothing to recommend: 100 requests were looked at" in said(capsys, [])
    assert "too little to go by: 0 requests" in said(capsys, [], Period(SINCE, UNTIL), requests=0)


def test_one_is_shown_with_its_evidence_and_query(capsys: pytest.CaptureFixture[str]) -> None:
    found = one().model_copy(update={"team": "search", "user": "amara", "at_stake_usd": Decimal(3)})
    show_one(found, "a title", ClickHouseSettings(url="http://ch:81", database="theirs"))
    page = capsys.readouterr().out
    for words in ("acme · team search · user amara", "0.0720 USD", "at stake", "predicted", "SELECT", "0.900 before"):
        assert words in page
    assert "curl 'http://ch:81/?database=theirs' --data-binary @query.sql" in page


def test_programs_read_all_of_it() -> None:
    told = document([one()], WEEK, NOTHING_LEFT)
    assert told["saving_usd_together"] == Decimal("0.072")
    assert told["recommendations"][0]["saving_usd"] == "0.0720"
    assert "SELECT" in told["recommendations"][0]["query"]
