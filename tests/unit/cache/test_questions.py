"""Whose questions are compared, with which others, and what becomes of a hit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.cache.fingerprint import asked_of
from agents.cache.questions import Questions
from agents.cache.semantic.found import Found, accepted
from agents.cache.stage import CacheStep
from agents.governance.policies import effective_policy
from schemas.batch import Asked, Passenger
from schemas.policy import CacheMode, Policy
from schemas.result import Status
from schemas.settings import IntakeSettings, SemanticSettings
from schemas.verdict import Verdict
from schemas.wire import Answer, ResultRecord
from streams.stage import DataKeyUse, Journey
from tests.flow.journeys import NOW, PARIS, a_completion, a_journey, a_passenger, a_request
from tests.flow.models import three_models
from tests.unit.governance.scopes import chain

WIDE, NARROW = 0.1, 0.01
LONGEST = 200
TEXT = "What is the capital of France?"
OTHER = "the capital of France is what?"
SURE = 0.95


class SameWords:
    """Finds a question of the same words, and is 95 % sure of it."""

    def __init__(self) -> None:
        self.known: dict[str, Asked] = {}
        self.asked = 0

    def __len__(self) -> int:
        return len(self.known)

    def add(self, fingerprint: str, asked: Asked) -> None:
        self.known[fingerprint] = asked

    def remove(self, fingerprint: str) -> None:
        self.known.pop(fingerprint, None)

    def find(self, asked: Sequence[tuple[Asked, float]]) -> list[Found | None]:
        self.asked += len(asked)
        return [self._find(one, delta) for one, delta in asked]

    def agree(self, one: str, other: str) -> bool:
        return one == other

    def _find(self, asked: Asked, delta: float) -> Found | None:
        for fingerprint, known in self.known.items():
            if known.scope == asked.scope and words(known.text) == words(asked.text):
                return Found(fingerprint, 0.99, SURE, accepted(SURE, delta))
        return None


def sure(asked: Asked | None) -> Asked:
    assert asked is not None
    return asked


def served_by(scene: Scene) -> ResultRecord:
    found = scene.served()
    assert found is not None
    return found


def asking(text: str, policy: Policy | None = None, **fields: Any) -> Journey:
    journey = a_journey(prompt=text, **fields)
    journey.policy = effective_policy(chain({"policy": policy or Policy(semantic_error_bound=WIDE)}))
    return journey


def passenger_of(journey: Journey) -> Passenger:
    passenger = a_passenger(journey.request.id, fingerprint=journey.fingerprint)
    return msgspec.structs.replace(passenger, asked=journey.asked)


def words(text: str) -> list[str]:
    return sorted(text.lower().strip("?").split())


class Scene:
    """A cache with the semantic tier, one call after the other."""

    def __init__(
        self, settings: IntakeSettings | None = None, checked: float = 0.0, checked_in_doubt: float = 1.0
    ) -> None:
        self.finder = SameWords()
        section = SemanticSettings(
            enabled=True, max_characters=LONGEST, checked_share=checked, checked_in_doubt=checked_in_doubt
        )
        self.cache = CacheStep(settings or IntakeSettings(), three_models(), Questions(section, self.finder))

    def ask(self, text: str, now: float = NOW, policy: Policy | None = None, **fields: Any) -> Journey:
        """Return a journey after it went through the cache."""
        journey = asking(text, policy, **fields)
        self.flow = self.cache.process([journey], now)
        return journey

    def served(self) -> ResultRecord | None:
        """What ended the last journey; None when it went onward."""
        return self.flow.ended[0][1] if self.flow.ended else None

    def answer(self, journey: Journey, now: float = NOW + 1) -> None:
        """Let a model answer."""
        assert self.flow.onward == [journey]
        self.cache.complete(a_completion(passenger_of(journey), at=now, answer=PARIS), now)


def answered(policy: Policy | None = None, settings: IntakeSettings | None = None) -> Scene:
    scene = Scene(settings)
    scene.answer(scene.ask(TEXT, policy=policy))
    return scene


def test_a_question_in_other_words_gets_the_answer_and_says_how_sure_that_is() -> None:
    scene = answered()
    journey = scene.ask(OTHER, NOW + 5)
    served = served_by(scene)
    assert scene.cache.entries == 1
    assert (served.status, served.output, served.cost_usd) == (Status.CACHED, PARIS, "0")
    hit = served.cache
    assert hit is not None
    assert (hit.tier, hit.similarity, hit.probability) == ("semantic", 0.99, SURE)
    assert hit.source_request_id != journey.request.id
    assert served.baseline is not None
    assert Decimal(served.savings.cache_semantic or 0) == Decimal(served.baseline.cost_usd)
    assert "0.950" in msgspec.json.decode(served.decision)["reason"]


def test_nobody_is_served_so_who_did_not_ask_for_it_or_wants_to_be_surer() -> None:
    scene = answered()
    for policy in (Policy(), Policy(semantic_error_bound=0), Policy(semantic_error_bound=NARROW)):
        scene.ask(OTHER, NOW + 5, policy)
        assert scene.served() is None


def test_a_narrower_scope_is_stricter_and_never_wider() -> None:
    wide, narrow = {"policy": Policy(semantic_error_bound=WIDE)}, {"policy": Policy(semantic_error_bound=NARROW)}
    assert effective_policy(chain(wide, team=narrow)).semantic_delta == NARROW
    assert effective_policy(chain(narrow, team=wide)).semantic_delta == NARROW


@pytest.mark.parametrize(
    ("directive", "served"), [("default", True), ("only", True), ("refresh", False), ("bypass", False)]
)
def test_directives_of_the_request_hold_for_it_too(directive: str, served: bool) -> None:
    scene = answered()
    scene.ask(OTHER, NOW + 5, cache={"directive": directive})
    assert (scene.served() is not None) is served


def test_what_is_no_hit_is_a_miss_for_one_who_wants_only_the_cache() -> None:
    scene = answered()
    scene.ask("What is the capital of Chad?", NOW + 5, cache={"directive": "only"})
    assert served_by(scene).status is Status.REJECTED


def test_the_same_question_is_not_compared() -> None:
    scene = answered()
    before = scene.finder.asked
    scene.ask(TEXT, NOW + 5)
    assert scene.served() is not None
    assert (served_by(scene).cache or pytest.fail("a hit says where it came from")).tier == "exact"
    assert scene.finder.asked == before


def test_read_only_is_served_and_adds_nothing() -> None:
    policy = Policy(semantic_error_bound=WIDE, cache=CacheMode.READ_ONLY)
    scene = answered()
    scene.ask(OTHER, NOW + 5, policy)
    assert scene.served() is not None
    journey = scene.ask("What is the capital of Chad?", NOW + 5, policy)
    assert (scene.flow.onward, journey.asked) == ([journey], None)


def test_a_question_goes_with_its_answer() -> None:
    scene = answered()
    scene.ask(OTHER, NOW + 200)  # the tenant keeps answers for 100 seconds
    assert scene.served() is None
    assert len(scene.finder) == 0
    small = answered(settings=IntakeSettings(cache_entries=1))
    small.answer(small.ask("What is the capital of Chad?", NOW + 2), NOW + 3)
    assert [one.text for one in small.finder.known.values()] == ["What is the capital of Chad?"]


def test_an_answer_older_than_the_request_wants_is_not_served() -> None:
    scene = answered()
    scene.ask(OTHER, NOW + 20, cache={"ttl_seconds": 10})
    assert scene.served() is None


def test_an_answer_learnt_at_recovery_is_found() -> None:
    before, after = Scene(), Scene()
    journey = before.ask(TEXT)
    passenger = passenger_of(journey)
    after.cache.restore(a_completion(passenger, answer=PARIS), NOW + 2)
    after.ask(OTHER, NOW + 5)
    assert after.served() is not None


def test_placeholders_are_not_compared() -> None:
    scene = answered()
    journey = asking(OTHER)
    journey.originals = {"[EMAIL_1]": "ann@example.com"}
    assert scene.cache.process([journey], NOW + 5).onward == [journey]
    assert journey.asked is None


def test_a_journey_that_comes_again_after_a_bug_is_asked_anew() -> None:
    scene = Scene()
    journey = scene.ask(TEXT)
    scene.cache.withdraw(journey)
    assert (journey.asked, journey.fingerprint) == (None, None)
    assert scene.cache.process([journey], NOW).onward == [journey]


def test_those_under_another_data_key_are_not_compared() -> None:
    scene = answered()
    journey = asking(OTHER)
    journey.data_key = DataKeyUse("k1", None, lambda value: f"keyed {value.decode()}")
    assert scene.cache.process([journey], NOW + 5).onward == [journey]
    assert sure(journey.asked).scope.startswith("keyed ")


SYSTEM, YES = {"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Yes."}
ASKED = {"role": "user", "content": TEXT}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prompt": TEXT}, {"prompt": OTHER}),
        ({"prompt": TEXT}, {"messages": [{"role": "user", "content": OTHER}]}),
        ({"messages": [SYSTEM, ASKED]}, {"messages": [SYSTEM, {"role": "user", "content": OTHER}]}),
    ],
)
def test_only_the_last_words_may_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    scopes = {sure(asked_of(a_request(**fields), longest=LONGEST)).scope for fields in (one, other)}
    assert len(scopes) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [SYSTEM, ASKED]},
        {"messages": [ASKED, YES, ASKED]},
        {"prompt": TEXT, "tenant": "zeta"},
        {"prompt": TEXT, "sampling": {"max_output_tokens": 9}},
        {"prompt": TEXT, "response_format": {"type": "json_object"}},
        {"prompt": TEXT, "tools": [{"type": "function", "function": {"name": "look_up"}}]},
        {"prompt": TEXT, "mode": "explicit", "model": "big"},
        {"prompt": TEXT, "task_type": "coding"},
    ],
)
def test_all_else_must_be_the_same(other: dict[str, Any]) -> None:
    scopes = [asked_of(a_request(**fields), longest=LONGEST) for fields in ({"prompt": TEXT}, other)]
    assert len({sure(one).scope for one in scopes}) == 2
    rules = asked_of(a_request(prompt=TEXT), "other rules", longest=LONGEST)
    assert sure(rules).scope != sure(scopes[0]).scope


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x" * (LONGEST + 1)},
        {"prompt": " "},
        {"messages": [ASKED, YES]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example"}}]}
            ]
        },
    ],
)
def test_what_is_no_short_text_of_a_user_is_not_compared(fields: dict[str, Any]) -> None:
    assert asked_of(a_request(**fields), longest=LONGEST) is None


def verdict_on(served: ResultRecord, *, wrong: bool, number: int = 0) -> Verdict:
    assert served.cache is not None
    source = served.cache.source_request_id
    return Verdict(f"grade-{number}", "acme", source, wrong, SURE, WIDE, "user", NOW)


def test_a_question_whose_answer_was_wrong_for_another_serves_nobody_else() -> None:
    scene = answered()
    scene.ask(OTHER, NOW + 5)
    assert scene.served() is not None
    verdict = verdict_on(served_by(scene), wrong=True)
    scene.cache.judge([verdict])
    scene.ask(OTHER, NOW + 6)
    assert scene.served() is None
    scene.ask(TEXT, NOW + 6)
    assert scene.served() is not None, "the answer itself is none the worse"
    successor = Scene()
    successor.cache.judge([verdict])
    passenger = msgspec.structs.replace(
        a_passenger(verdict.source_request_id, fingerprint="f"), asked=Asked("s", TEXT)
    )
    successor.cache.restore(a_completion(passenger, answer=PARIS), NOW + 2)
    assert (successor.cache.entries, len(successor.finder)) == (1, 0)


def test_a_wrong_hit_raises_the_bar_for_all_questions_of_the_tenant_and_right_ones_lower_it() -> None:
    scene = answered()
    scene.ask(OTHER, NOW + 5)
    assert scene.served() is not None
    elsewhere = msgspec.structs.replace(verdict_on(served_by(scene), wrong=True), source_request_id="another")
    scene.cache.judge([elsewhere, elsewhere])  # one that comes again says nothing new
    journey = scene.ask(OTHER, NOW + 6)
    assert scene.served() is None
    assert sure(journey.asked).rival is not None, "a model's answer will tell whether it would have been right"
    scene.ask(TEXT, NOW + 6)
    right = [verdict_on(served_by(scene), wrong=False, number=number) for number in range(1, 10)]
    scene.cache.judge(right)
    scene.ask(OTHER, NOW + 7)
    assert scene.served() is not None


def test_what_the_raised_bar_refuses_is_compared_no_more_often_than_what_is_served() -> None:
    scene = Scene(checked_in_doubt=0.0)
    scene.answer(scene.ask(TEXT))
    scene.ask(OTHER, NOW + 5)
    elsewhere = msgspec.structs.replace(verdict_on(served_by(scene), wrong=True), source_request_id="another")
    scene.cache.judge([elsewhere])
    journey = scene.ask(OTHER, NOW + 6)
    assert scene.served() is None
    assert sure(journey.asked).rival is None


@pytest.mark.parametrize(("said", "wrong"), [(PARIS, False), (Answer("Rome", None, "stop"), True)])
def test_some_hits_are_checked_with_a_models_answer(said: Answer, wrong: bool) -> None:
    scene = Scene(checked=1.0)
    scene.answer(scene.ask(TEXT))
    journey = scene.ask(OTHER, NOW + 5)
    assert scene.flow.onward == [journey]
    passenger = passenger_of(journey)
    flow = scene.cache.complete(a_completion(passenger, at=NOW + 6, answer=said), NOW + 6)
    [verdict] = flow.verdicts
    assert (verdict.wrong, verdict.probability, verdict.error_bound, verdict.by) == (wrong, SURE, WIDE, "comparison")
    again = scene.cache.complete(a_completion(passenger, at=NOW + 6, answer=said), NOW + 6)
    assert [one.id for one in again.verdicts] == [verdict.id]


@pytest.mark.parametrize("said", [Answer(None, [{"id": "1"}], "tool_calls"), Answer("Par", None, "length")])
def test_what_cannot_be_compared_says_nothing(said: Answer) -> None:
    scene = Scene(checked=1.0)
    scene.answer(scene.ask(TEXT))
    journey = scene.ask(OTHER, NOW + 5)
    passenger = passenger_of(journey)
    flow = scene.cache.complete(a_completion(passenger, at=NOW + 6, answer=said), NOW + 6)
    assert flow.verdicts == []


def test_one_who_wants_only_the_cache_is_never_checked() -> None:
    scene = Scene(checked=1.0)
    scene.answer(scene.ask(TEXT))
    scene.ask(OTHER, NOW + 5, cache={"directive": "only"})
    assert served_by(scene).status is Status.CACHED
