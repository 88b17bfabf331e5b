from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.governance.personal.detector import Detector
from agents.governance.personal.replacement import Pseudonyms, redact, replaced
from schemas.screening import PersonalDataType, ScreeningSettings
from schemas.wire import Answer
from streams.placeholders import placeholders_in, restored, restored_text

FIND = Detector(ScreeningSettings()).find
VALUES = st.sampled_from(
    ["ann@example.com", "4111 1111 1111 1111", "+1 415-555-2671", "[EMAIL_1]", "[email 2]", "\\", "[", "]", "EMAIL_1"]
)
TEXTS = st.lists(VALUES | st.text(max_size=12), max_size=12).map("".join)
MAIL = {"[EMAIL_1]": "ann@example.com"}
KEY = {"[SECRET_1]": '-----BEGIN PRIVATE KEY-----\n"a\\b"\n-----END PRIVATE KEY-----'}


def pseudonymized(text: str) -> tuple[str, dict[str, str]]:
    pseudonyms = Pseudonyms(placeholders_in(text))
    return replaced(text, FIND(text), pseudonyms.name), pseudonyms.originals


@settings(deadline=None)
@given(TEXTS)
def test_restoring_gives_back_the_text_to_the_letter(text: str) -> None:
    hidden, originals = pseudonymized(text)
    assert restored_text(hidden, originals) == text


@example("ann@example.com+1 415-555-2671\\+1 415-555-2671")
@settings(deadline=None)
@given(TEXTS)
def test_nothing_detected_is_left_over(text: str) -> None:
    hidden = replaced(text, FIND(text), redact)
    for one in FIND(text):
        assert text[one.start : one.end] not in {hidden[other.start : other.end] for other in FIND(hidden)}


def test_equal_values_share_a_placeholder_and_the_user_s_own_stay() -> None:
    hidden, originals = pseudonymized("[email_1] a@b.com c@d.com a@b.com")
    assert hidden == "[email_1] [EMAIL_2] [EMAIL_3] [EMAIL_2]"
    assert restored_text("[EMAIL_1] and [EMAIL_2]", originals) == "[EMAIL_1] and a@b.com"


@pytest.mark.parametrize(
    "written", ["[EMAIL_1]", "[email_1]", "[EMAIL 1]", "[EMAIL_\n1]", r"\[EMAIL\_1\]", "【EMAIL_1】", "[ Email-01 ]"]
)
def test_what_models_make_of_a_placeholder_is_understood(written: str) -> None:
    assert restored_text(f"Write to {written}.", MAIL) == "Write to ann@example.com."


@pytest.mark.parametrize("written", ["EMAIL_1", "[EMAIL_2]", "[EMAIL]", "{EMAIL_1}"])
def test_anything_else_stays(written: str) -> None:
    assert restored_text(written, MAIL) == written


def test_originals_are_escaped_in_json() -> None:
    document = json.dumps({"key": "[SECRET_1]"})
    assert json.loads(restored_text(document, KEY)) == {"key": KEY["[SECRET_1]"]}
    fenced = f"Here [SECRET_1]:\n```json\n{document}\n```"
    assert restored_text(fenced, KEY).startswith(f"Here {KEY['[SECRET_1]']}")
    assert json.loads(restored_text(fenced, KEY).split("```json\n")[1][:-4]) == {"key": KEY["[SECRET_1]"]}


def test_arguments_of_tool_calls_are_restored() -> None:
    call = {"id": "c", "function": {"name": "store", "arguments": json.dumps({"key": "[secret_1]"})}}
    answer = restored(Answer(None, [call], "tool_calls"), KEY)
    assert answer is not None
    assert answer.tool_calls is not None
    assert json.loads(answer.tool_calls[0]["function"]["arguments"]) == {"key": KEY["[SECRET_1]"]}
    assert call["function"]["arguments"] == '{"key": "[secret_1]"}'  # type: ignore[index]


def test_every_type_has_a_label_of_its_own() -> None:
    pseudonyms = Pseudonyms(())
    assert len({pseudonyms.name(kind, "x") for kind in PersonalDataType}) == len(PersonalDataType)
