"""The bound where the verifier errs among what it is surest of: no bar helps, and little is heard of hits."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from agents.cache.questions import Questions
from agents.cache.semantic.found import Found, accepted
from schemas.batch import Asked
from schemas.effective_policy import EffectivePolicy, Ruling
from schemas.semantic_settings import SemanticSettings
from schemas.verdict import Verdict
from tests.flow.journeys import NOW, a_journey

DELTA = 0.05
POLICY = EffectivePolicy(semantic_error_bound=Ruling(DELTA, "organization acme"))
WOULD_BE_HITS = 4_000
MOST_STEPS = 3
"""Wrong hits that are heard of until the bar is out of reach."""
SURE, SURER = 0.96, 0.999
WRONG = 0.2
"""Share of the surer half, so a tenth of all."""


class TwoWays:
    """Finds something for every question, and is surer of every other."""

    def __len__(self) -> int:
        return 0

    def add(self, fingerprint: str, asked: Asked) -> None: ...

    def remove(self, fingerprint: str) -> None: ...

    def find(self, asked: Sequence[tuple[Asked, float]]) -> list[Found | None]:
        return [self._found(SURER if int(one.text) % 2 else SURE, delta) for one, delta in asked]

    def agree(self, one: str, other: str) -> bool:
        return one == other

    def _found(self, probability: float, delta: float) -> Found:
        return Found("key", 0.99, probability, accepted(probability, delta))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("checked", [0.02, 0.05, 0.1])
def test_wrong_hits_stay_within_the_bound_and_what_is_not_heard_of_in_time(checked: float, seed: int) -> None:
    chance = Random(seed)
    questions = Questions(SemanticSettings(enabled=True, checked_share=checked), TwoWays())
    served = wrong_ones = 0
    for number in range(WOULD_BE_HITS):
        wrong = number % 2 == 1 and chance.random() < WRONG
        journey = a_journey(id=f"r{number}", prompt="x")
        journey.policy, journey.asked = POLICY, Asked("scope", str(number))
        if questions.near({0: journey}):
            served += 1
            wrong_ones += wrong
        elif journey.asked.rival is not None:
            name = f"comparison/{number}"
            questions.judge([Verdict(name, "acme", name, wrong, SURE, DELTA, "comparison", NOW)])
    assert wrong_ones <= DELTA * served + MOST_STEPS / checked
