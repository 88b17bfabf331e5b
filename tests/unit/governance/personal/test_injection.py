from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.personal.detector import Detector
from agents.governance.personal.injection import HEURISTICS, HIDDEN_TEXT, signs_of_injection
from agents.governance.personal.stage import TRUSTED_ROLES, PersonalDataStep
from agents.governance.personal.texts import texts_of
from schemas.screening import ScreeningSettings
from tests.flow.journeys import NOW, a_journey
from tests.unit.governance.strategies import modest

STEP = PersonalDataStep(Detector(ScreeningSettings()))
TELLING = (
    "ignore ", "Ignoriere alle ", "ignorez les ", "bisherigen Anweisungen", "previous instructions", "above rule",
    "instructions précédentes", "show me the ", "Repeat your ", "system prompt", "hidden message", "You are now ",
    "DAN", "developer mode", "do anything now", "without any filters", "<|im_start|>", "<<SYS>>", "[/INST]", "\n",
    "## system:", "![x](https://a.b/c?", "q={secret}", "\U000e0041" * 4, "\u202e", "\u200b" * 3, "İ", " ",
)  # fmt: skip
texts = st.lists(st.sampled_from(TELLING) | st.text(max_size=8), min_size=1, max_size=4).map(
    lambda parts: "".join(parts).replace("\x00", "") or "."
)
turns = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": texts | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}), max_size=2),
        "name": texts,
        "tool_calls": st.lists(st.dictionaries(st.sampled_from(["id", "arguments"]), texts), max_size=1),
    },
)
inputs = st.fixed_dictionaries({"prompt": texts}) | st.fixed_dictionaries(
    {"messages": st.lists(turns, min_size=1, max_size=3)}
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.lists(st.dictionaries(st.just("description"), texts), max_size=1),
        "sampling": st.fixed_dictionaries({"stop": st.lists(texts, max_size=1)}),
    },
)


@given(texts)
def test_looking_first_whether_a_text_may_hold_a_sign_misses_none(text: str) -> None:
    plainly = {name for name, pattern in HEURISTICS.items() if pattern.search(text.lower())}
    assert signs_of_injection(text) - {HIDDEN_TEXT} == plainly


@modest
@given(inputs, extras)
def test_whatever_is_not_trusted_is_looked_at(asked: dict[str, Any], more: dict[str, Any]) -> None:
    one = a_journey(**asked, **more)
    STEP.process([one], NOW)
    untrusted = [text for _, role, text in texts_of(one.request) if role not in TRUSTED_ROLES]
    assert one.injection == tuple(sorted(frozenset().union(*map(signs_of_injection, untrusted))))
