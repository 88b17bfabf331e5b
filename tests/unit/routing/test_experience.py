from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from agents.routing.expectations import Expectations, Experience
from schemas.batch import Completion, Target
from schemas.wire import CheckRecord, Tokens
from tests.flow.journeys import BUSY, PARIS, a_completion, a_passenger, paid


def seen(experience: Experience, output_tokens: int, task_type: str | None = None, **fields: Any) -> None:
    calls = fields.pop("calls", (paid(tokens=Tokens(10, 0, output_tokens)),))
    experience.observe(a_completion(a_passenger(task_type=task_type), answer=PARIS, calls=calls, **fields))


def test_the_mean_is_believed_after_enough_answers() -> None:
    experience = Experience(enough=3)
    for tokens in (100, 200):
        seen(experience, tokens)
    assert experience.expectations() == Expectations()
    seen(experience, 330)
    assert experience.expectations() == Expectations({("big", None): 210}, {"big": 1000})


def test_each_kind_of_task_has_its_own_length_and_others_have_the_models() -> None:
    experience = Experience(enough=2)
    for tokens in (10, 20):
        seen(experience, tokens, "classification")
    seen(experience, 600, "creative")
    found = experience.expectations()
    assert found.answer_tokens("big", "classification", None) == 15
    assert found.answer_tokens("big", "creative", None) == 210
    assert found.answer_tokens("big", None, 100) == 100
    assert found.answer_tokens("small", None, 100) is None


def test_calls_that_were_paid_for_in_vain_are_expected_again() -> None:
    experience = Experience(enough=2)
    seen(experience, 10, calls=(paid(number=1), paid(number=2, attempt=2)))
    seen(experience, 10)
    experience.observe(a_completion(a_passenger(), failure=BUSY, calls=(paid(number=3),)))
    found = experience.expectations()
    assert found.calls == {"big": 2000}
    assert found.calls_per_answer("big") == 2000
    assert found.calls_per_answer("small") == 1000


def test_an_answer_nobody_billed_teaches_nothing() -> None:
    experience = Experience(enough=1)
    experience.observe(a_completion(a_passenger(), answer=PARIS, calls=()))
    assert experience.expectations() == Expectations()
    assert replace(Expectations(), calls={}) == Expectations()
    assert msgspec.json.encode(Expectations()) == b'{"output_tokens":{},"calls":{},"escalations":{}}'


def cascaded(*accepted: bool, because: str | None = None) -> Completion:
    """Return a cascade of `small` and `big`, as its one check came out; `big` answers what did not hold."""
    calls = (paid(model="small"),) if accepted == (True,) or because else (paid(model="small"), paid(number=2))
    checks = tuple(CheckRecord("small", held, "", None, because) for held in accepted)
    completion = a_completion(a_passenger(), answer=PARIS, calls=calls)
    return msgspec.structs.replace(completion, checks=checks, answered_by=Target(calls[-1].model, calls[-1].provider))


def test_how_often_answers_do_not_hold_is_told() -> None:
    experience = Experience(enough=4)
    for completion in (cascaded(True), cascaded(False), cascaded(True), cascaded(False, because="nobody else")):
        experience.observe(completion)
    found = experience.expectations()
    assert found.escalations == {"small": 500_000}
    assert found.calls == {"small": 1000}, "an answer that did not hold is an answer nevertheless"


def test_few_checks_tell_nothing() -> None:
    experience = Experience(enough=2)
    experience.observe(cascaded(False))
    assert experience.expectations().escalations == {}
