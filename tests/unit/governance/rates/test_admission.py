"""Whether the limits of its scopes let a request in, and what they say where not."""

from __future__ import annotations

from typing import Any

from agents.governance.rates.admission import Admission
from agents.governance.rates.gates import Gates, gates_of
from schemas.policy import Rates
from schemas.wire import ProblemRecord
from tests.unit.governance.scopes import chain

NOW = 1_700_000_000.0
TOKENS = 50


def under(team: dict[str, Any], user: dict[str, Any] | None = None) -> Gates:
    return gates_of(chain({}, {"rates": Rates(**team)}, {"rates": Rates(**(user or {}))}))


def ask(admission: Admission, key: str, gates: Gates, tokens: int = TOKENS, now: float = NOW) -> ProblemRecord | None:
    problem = admission.objection(key, gates, tokens, now)
    if problem is None:
        admission.admit(key, gates, tokens, now)
    return problem


def test_beyond_the_requests_per_minute_it_says_whose_rule_it_is_and_when_to_come_back() -> None:
    admission, gates = Admission(), under({}, {"requests_per_minute": 60, "request_burst": 1})
    assert ask(admission, "a", gates) is None
    problem = ask(admission, "b", gates, now=NOW + 0.7654)
    assert problem is not None
    assert (problem.code, problem.field, problem.retry_after_seconds) == ("rate_limited", "user", 0.235)
    assert problem.message == "user: more than 60 requests per minute, by rates.requests_per_minute of user amara"
    assert problem.remedy == "wait 0.235 s"


def test_tokens_count_by_what_is_expected_of_a_request() -> None:
    admission, gates = Admission(), under({"tokens_per_minute": 600, "token_burst": 100})
    assert ask(admission, "a", gates, 60) is None
    assert ask(admission, "b", gates, 40) is None
    problem = ask(admission, "c", gates, 20)
    assert problem is not None
    assert (problem.code, problem.field, problem.retry_after_seconds) == ("rate_limited", "tenant", 2.0)
    assert "600 tokens per minute" in problem.message


def test_whoever_waits_as_told_passes_requests_and_tokens_alike() -> None:
    admission = Admission()
    gates = under({"requests_per_minute": 60, "request_burst": 1, "tokens_per_minute": 600, "token_burst": TOKENS})
    assert ask(admission, "a", gates) is None
    problem = ask(admission, "b", gates)
    assert problem is not None
    assert (problem.retry_after_seconds, "600 tokens" in problem.message) == (5.0, True)
    assert ask(admission, "b", gates, now=NOW + 5) is None


def test_more_tokens_than_may_ever_come_at_once_are_not_told_to_wait() -> None:
    problem = ask(Admission(), "a", under({"tokens_per_minute": 600, "token_burst": 100}), 101)
    assert problem is not None
    assert (problem.code, problem.retry_after_seconds) == ("tokens_exceed_burst", None)
    assert "team search" in problem.message


def test_what_one_limit_refuses_no_other_counts() -> None:
    admission = Admission()
    narrow = under({"requests_per_minute": 60, "request_burst": 2}, {"tokens_per_minute": 60, "token_burst": TOKENS})
    wide = under({"requests_per_minute": 60, "request_burst": 2})
    assert ask(admission, "a", narrow) is None
    assert all(ask(admission, name, narrow) is not None for name in "bcdef")
    assert ask(admission, "g", wide) is None
    assert ask(admission, "h", wide) is not None


def test_in_flight_are_as_many_as_have_no_result() -> None:
    admission, gates = Admission(), under({"in_flight": 2}, {"in_flight": 9})
    assert ask(admission, "a", gates) is None
    assert ask(admission, "b", gates) is None
    problem = ask(admission, "c", gates)
    assert problem is not None
    assert (problem.code, problem.field, problem.retry_after_seconds) == ("too_many_in_flight", "tenant", None)
    assert problem.remedy == "wait until one of them has its result"
    assert "rates.in_flight of team search" in problem.message
    admission.in_flight.end("a")
    assert ask(admission, "c", gates) is None


def test_what_was_let_in_before_there_was_a_limit_counts_against_it() -> None:
    admission = Admission()
    assert all(ask(admission, name, under({})) is None for name in "abc")
    assert ask(admission, "d", under({"in_flight": 3})) is not None


def test_a_request_in_flight_is_let_in_again_without_being_counted_again() -> None:
    admission, gates = Admission(), under({"in_flight": 1, "requests_per_minute": 60, "request_burst": 1})
    assert ask(admission, "a", gates) is None
    assert ask(admission, "a", gates) is None
    assert len(admission.in_flight) == 1
    admission.in_flight.end("a")
    assert ask(admission, "b", gates, now=NOW + 1) is None
