from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.personal.detector import Detector
from agents.governance.personal.injection import signs_of_injection
from schemas.screening import ScreeningSettings

FIND = Detector(ScreeningSettings()).find
TELLING = st.text(alphabet="0123456789 ABCabc@.-+:/()_[]\\\n'eyJsk" + "é\u00a0", max_size=200) | st.text(max_size=200)


def found(text: str) -> list[tuple[str, str]]:
    return [(str(one.kind), text[one.start : one.end]) for one in FIND(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "ann.o'neil+shop@mail.example.co.uk"),
        ("phone", "+49 (0)89 2345678"),
        ("phone", "(415) 555-2671"),
        ("card", "4111 1111 1111 1111"),
        ("card", "378282246310005"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB29NWBK60161331926819"),
        ("national_id", "536-90-4399"),
        ("national_id", "36574261809"),
        ("national_id", "12345678Z"),
        ("national_id", "RCCMNL83S18D969H"),
        ("national_id", "44051401359"),
        ("national_id", "390.533.447-05"),
        ("ip", "203.0.113.9"),
        ("ip", "2001:db8:85a3::8a2e:370:7334"),
        ("secret", "sk-ant-api03-" + "aB3" * 20),
        ("secret", "AKIAIOSFODNN7EXAMPLE"),
        ("secret", "ask_abcd1234_" + "x" * 43),
    ],
)
def test_a_value_is_found_whole(kind: str, value: str) -> None:
    assert found(f"It is {value}, you know.") == [(kind, value)]
    assert found(value) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "order 123456782",
        "ISBN 978-3-16-148410-0",
        "version 5.17.63.7 and v1.2.3.4",
        "2026-11-26T07:45:28.123Z",
        "1700000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "git clone git@github.com:team/repo.git",
        "logo@2x.png",
        "std::vector a::b::c",
        "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01",
        "127.0.0.1 and 255.255.255.0",
        "Dear Mr. President",
    ],
)
def test_what_looks_like_it_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_bare_number_counts_where_a_word_names_it() -> None:
    assert found("my BSN: 123456782") == [("national_id", "123456782")]


def test_a_name_counts_behind_a_form_of_address_only() -> None:
    assert found("Dear Mrs. Ana de la Cruz, thanks.") == [("name", "Ana de la Cruz")]
    assert found("Ana Cruz said so.") == []


def test_a_private_key_is_one_secret_and_without_an_end_reaches_to_the_end() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIabc ann@example.com\n-----END PRIVATE KEY-----"
    assert found(f"x {key} y") == [("secret", key)]
    assert found(f"x {key[:40]}") == [("secret", key[:40])]


@given(TELLING)
def test_any_text_can_be_searched_and_findings_are_in_order_and_apart(text: str) -> None:
    end = 0
    for one in FIND(text):
        assert end <= one.start < one.end <= len(text)
        end = one.end
    signs_of_injection(text)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "unit", ["1", "1 ", "a@", "eyJ.", "-----BEGIN PRIVATE KEY-----", "Mr. A ", "1.1.", "a:", "sk-", "4111 ", "[ID_"]
)
def test_a_long_hostile_text_comes_to_an_end(unit: str) -> None:
    """Anything but linear time would take longer than the limit of the test."""
    FIND(unit * (60_000 // len(unit)))
