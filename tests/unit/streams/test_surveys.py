"""Surveys are told once per tenant, before what names them, and again after a day."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.survey import Findings, Survey
from streams.envelope import header
from streams.surveys import TELL_AGAIN_SECONDS, ToldSurveys, survey_event
from tests.flow.journeys import NOW


def findings(name: str) -> Findings:
    return Findings(name, "2026-11-20/ab", msgspec.Raw(b'{"big":{"quality":0.9,"cost_usd":"0.1"}}'), {"small": "no"})


def tell(told: ToldSurveys, *asked: tuple[str, Findings | None], now: float = NOW) -> list[tuple[str, str]]:
    news = told.news(asked, now)
    told.told(news, now)
    return [(record.tenant, record.id) for record in news]


def test_a_survey_is_told_to_each_tenant_that_needs_it_once() -> None:
    told = ToldSurveys(10)
    one, other = findings("one"), findings("other")
    assert tell(told, ("acme", one), ("acme", None), ("acme", one)) == [("acme", "one")]
    assert tell(told, ("acme", one), ("zeta", one), ("acme", other)) == [("zeta", "one"), ("acme", "other")]
    assert tell(told, ("acme", one), ("zeta", one), ("acme", other)) == []


def test_what_did_not_reach_the_log_is_told_again() -> None:
    told = ToldSurveys(10)
    assert told.news([("acme", findings("one"))], NOW)
    assert tell(told, ("acme", findings("one"))) == [("acme", "one")]


def test_a_survey_is_told_again_after_a_day_from_when_it_was_told() -> None:
    told = ToldSurveys(10)
    asked = ("acme", findings("one"))
    assert tell(told, asked)
    assert not tell(told, asked, now=NOW + TELL_AGAIN_SECONDS - 1)
    assert tell(told, asked, now=NOW + TELL_AGAIN_SECONDS)
    assert not tell(told, asked, now=NOW + TELL_AGAIN_SECONDS + 1)


@given(asked=st.lists(st.sampled_from("abcdef"), max_size=40), capacity=st.integers(1, 6))
def test_those_asked_for_last_are_known(asked: list[str], capacity: int) -> None:
    told = ToldSurveys(capacity)
    for name in asked:
        tell(told, ("acme", findings(name)))
    newest = list(dict.fromkeys(reversed(asked)))[:capacity]
    assert tell(told, *(("acme", findings(name)) for name in newest)) == []


def test_the_event_is_a_survey_under_the_key_of_tenant_and_id() -> None:
    (record,) = ToldSurveys(1).news([("acme", findings("one"))], NOW)
    publication = survey_event(record)
    survey = Survey.model_validate_json(publication.value or b"")
    assert (survey.id, survey.tenant, survey.lost, list(survey.candidates)) == (
        "one",
        "acme",
        {"small": "no"},
        ["big"],
    )
    assert publication.key == b"acme/one"
    assert header(publication.headers, "ce_id") == b"one"
