from __future__ import annotations

import json

import pytest

from agents.governance.decoder import MAX_COMMAS, MAX_REQUESTS, decode
from schemas.settings import IntakeSettings
from streams.outcomes import DeadLetter, Ok, Rejected
from tests.unit.governance.strategies import message, outcomes

GOOD = b'{"id":"a","tenant":"t","prompt":"p"}'
DEEP, DEEPER = 2_000, 100_000
SECRET = "the-launch-code"


def with_field(json_text: str) -> bytes:
    return (
        b'{"id":"a","tenant":"t","prompt":"'
        + SECRET.encode()
        + b'",'
        + json_text.encode("utf-8", "surrogatepass")
        + b"}"
    )


def only_rejection(value: bytes, key: bytes | None = None, *headers: tuple[str, bytes]) -> Rejected:
    (outcome,) = outcomes(value, key, *headers)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def only_dead_letter(value: bytes | None) -> DeadLetter:
    (outcome,) = outcomes(value)
    assert isinstance(outcome, DeadLetter), outcome
    return outcome


def test_a_valid_object_is_one_request_with_its_own_bytes() -> None:
    (outcome,) = outcomes(GOOD, b"t", ("ce_id", b"1"), ("ce_type", b"asahi.request.submitted.v1"))
    assert isinstance(outcome, Ok)
    assert outcome.request.prompt == "p"
    assert outcome.body == GOOD


def test_an_array_is_as_many_requests_each_with_its_own_bytes() -> None:
    first, second = outcomes(b" [ " + GOOD + b' , {"prompt": "q", "id": "b", "tenant": "t"} ]\n')
    assert isinstance(first, Ok)
    assert isinstance(second, Ok)
    assert first.body == GOOD
    assert json.loads(second.body) == {"id": "b", "tenant": "t", "prompt": "q"}


@pytest.mark.parametrize(
    ("field", "code", "json_text"),
    [
        ("sampling.temperature", "invalid_field", '"sampling":{"temperature":9}'),
        ("sampling.temperature", "invalid_field", '"sampling":{"temperature":NaN}'),
        ("sampling.temperature", "invalid_field", '"sampling":{"temperature":1e999}'),
        ("sampling", "invalid_field", '"sampling":{"seed":' + "9" * 10_000 + "}"),
        ("sampling.seed", "invalid_field", '"sampling":{"seed":' + "9" * 30 + "}"),
        ("sampling.topp", "unknown_field", '"sampling":{"topp":1}'),
        ("sampling", "invalid_field", '"sampling":[]'),
        ("constraints.max_cost_usd", "invalid_field", '"constraints":{"max_cost_usd":"1e999999999"}'),
        ("constraints.max_cost_usd", "invalid_field", '"constraints":{"max_cost_usd":Infinity}'),
        ("constraints.deadline", "invalid_field", '"constraints":{"deadline":"2026-01-01T00:00:00"}'),
        ("version", "unsupported_version", '"version":2,"new_field":1'),
        ("promt", "unknown_field", '"promt":1'),
        ("mode", "invalid_field", '"mode":"cheap"'),
        ("model", "invalid_field", '"mode":"explicit"'),
        ("model", "invalid_field", '"model":"m"'),
        ("prompt", "invalid_field", '"messages":[{"role":"user","content":"x"}]'),
        ("prompt", "invalid_field", '"prompt":""'),
        ("messages.0.role", "missing_field", '"messages":[{}]'),
        ("messages.0.content", "invalid_field", '"messages":[{"role":"user","content":5}]'),
        ("messages.0.content", "invalid_field", '"messages":[{"role":"user","content":"\\u0000"}]'),
        ("messages.1.content.1", "invalid_field", '"messages":[{"role":"user"},{"role":"user","content":[{},5]}]'),
        ("user", "invalid_field", '"user":"a\\u0000b"'),
        ("user", "invalid_json", '"user":"a\x00b"'),
        ("user", "invalid_json", '"user":"\\ud800"'),
        ("user", "invalid_json", '"user":"\ud800"'),
        ("user", "invalid_json", '"user":"a\nb"'),
        ("user", "invalid_json", '"user":tru'),
        ("tags.k", "invalid_field", '"tags":{"k":1}'),
        ("tags.a\\x00", "invalid_field", '"tags":{"a\\u0000":"1"}'),
        ("trace.traceparent", "invalid_field", '"trace":{"traceparent":"00-1-2-3"}'),
        ("model", "invalid_field", '"mode":"explicit","model":"a b"'),
        ("tools", "invalid_field", '"tools":[{"x":NaN}]'),
        ("tools", "invalid_field", '"tools":[{"x":[-Infinity]}]'),
        ("tools", "invalid_field", '"tools":[{"x":1e999}]'),
        ("tools", "invalid_field", '"tools":[{"x":' + "9" * 30 + "}]"),
        ("tools", "invalid_field", '"tools":[{"x":' + "9" * 10_000 + "}]"),
        ("tools", "invalid_field", '"tools":[{"x":"\\u0000"}]'),
        ("tools", "invalid_field", '"tools":[{"x\\u0000":1}]'),
        ("tools", "too_deep", '"tools":[{"x":' + "[" * 62 + "]" * 62 + "}]"),
        ("tools", "too_deep", '"tools":[{"x":' + "[" * DEEPER + "]" * DEEPER + "}]"),
        ("response_format", "too_deep", '"response_format":' + '{"a":' * DEEP + "1" + "}" * DEEP),
        ("tools", "too_deep", '"tools":' + "[" * DEEP),
    ],
)
def test_what_is_wrong_is_rejected_by_name(field: str, code: str, json_text: str) -> None:
    rejected = only_rejection(with_field(json_text), b"t")
    problem = rejected.problem
    assert (problem.field, problem.code) == (field, code)
    assert (rejected.id, rejected.tenant) == ("a", "t")
    assert field in problem.message
    assert problem.remedy.endswith("send the request under a new id")
    assert SECRET not in problem.message + problem.remedy


def test_nesting_up_to_the_limit_passes() -> None:
    (outcome,) = outcomes(with_field('"tools":[{"x":' + "[" * 61 + "]" * 61 + "}]"))
    assert isinstance(outcome, Ok)


def test_free_form_parts_of_messages_are_checked_too() -> None:
    for part in ('"content":[{"x":NaN}]', '"tool_calls":[{"x":NaN}]'):
        value = '{"id":"a","tenant":"t","messages":[{"role":"user"},{"role":"user",' + part + "}]}"
        assert only_rejection(value.encode()).problem.field == "messages.1." + part[1:].split('"')[0]


def test_a_name_the_producer_made_up_is_shown_in_part_and_without_control_characters() -> None:
    problem = only_rejection(with_field('"' + "x" * 500 + '":1')).problem
    assert problem.field == "x" * 64 + "…"
    assert only_rejection(with_field('"a\\u0007":1')).problem.field == "a\\x07"


@pytest.mark.parametrize("size", [1_048_577, 10_000_000])
def test_a_request_that_is_too_large_is_rejected_by_its_largest_field(size: int) -> None:
    value = b'{"prompt":"' + b"x" * size + b'","id":"a","tenant":"t"}'
    rejected = only_rejection(value)
    assert rejected.id == "a"
    assert (rejected.problem.code, rejected.problem.field) == ("too_large", "prompt")
    assert str(len(value)) in rejected.problem.message


def test_size_counts_for_each_request_of_an_array() -> None:
    intake = IntakeSettings(max_request_bytes=len(GOOD))
    found = decode(message(b"[" + GOOD + b"," + GOOD[:-1] + b" }]"), intake)
    assert [type(outcome) for outcome in found] == [Ok, Rejected]


def test_a_large_value_without_members_has_no_largest_field() -> None:
    (outcome,) = decode(message(b'"' + b"x" * 100 + b'"'), IntakeSettings(max_request_bytes=10))
    assert isinstance(outcome, DeadLetter)
    assert (outcome.problem.code, outcome.problem.field) == ("too_large", None)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("empty_message", None),
        ("empty_message", b""),
        ("empty_message", b"[]"),
        ("empty_message", b" [\n] "),
        ("invalid_json", b"   "),
        ("invalid_json", b"\x00"),
        ("invalid_json", b"\xff\xfe{\x00}\x00"),
        ("invalid_json", b'"text"'),
        ("invalid_json", b"5"),
        ("invalid_json", b"null"),
        ("invalid_json", b"{"),
        ("invalid_json", b'{"id":"a'),
        ("invalid_json", GOOD + b"\n" + GOOD),
        ("invalid_json", GOOD + b"}"),
        ("missing_field", b"{}"),
        ("missing_field", b'{"tenant":"t","prompt":"p"}'),
        ("invalid_field", b'{"id":"a b","tenant":"t","prompt":"p"}'),
        ("invalid_field", b'{"id":"","tenant":"t","prompt":"p"}'),
        ("invalid_field", b'{"id":5,"tenant":"t","prompt":"p"}'),
        ("invalid_field", b'{"id":"\\u00e9","tenant":"t","prompt":"p"}'),
        ("missing_field", b'{"messages":[{"id":"inner"}]}'),
        ("invalid_json", b"[" * DEEPER),
        ("too_deep", b'{"a":' * DEEP),
        ("invalid_json", b'["' + b"\\" * 1_001),
    ],
)
def test_without_a_readable_id_it_is_a_dead_letter(code: str, value: bytes | None) -> None:
    assert only_dead_letter(value).problem.code == code


def test_a_key_that_is_not_the_tenant_is_rejected_at_the_tenant_of_the_key() -> None:
    rejected = only_rejection(GOOD, b"other")
    assert (rejected.problem.code, rejected.problem.field, rejected.tenant) == ("key_mismatch", "key", "other")
    assert only_rejection(GOOD, b"").tenant == "t"
    assert only_rejection(GOOD, b"\xff").tenant == "t"


def test_a_rejection_tells_user_and_tenant_where_they_are_valid() -> None:
    rejected = only_rejection(b'{"id":"a","tenant":"no tenant","user":"ada"}')
    assert (rejected.tenant, rejected.user) == (None, "ada")


@pytest.mark.parametrize("ce_type", [b"asahi.request.submitted.v2", b"asahi.result.produced.v1", b""])
def test_an_unknown_type_is_rejected_by_the_header(ce_type: bytes) -> None:
    found = outcomes(b"[" + GOOD + b"," + GOOD + b"]", None, ("ce_type", ce_type))
    assert [type(outcome) for outcome in found] == [Rejected, Rejected]
    problem = only_rejection(GOOD, None, ("ce_type", ce_type)).problem
    assert (problem.code, problem.field) == ("unsupported_version", "ce_type")
    assert "asahi.request.submitted.v1" in problem.remedy


def test_a_byte_order_mark_is_rejected_with_the_remedy() -> None:
    problem = only_rejection(b"\xef\xbb\xbf" + GOOD).problem
    assert "byte order mark" in problem.message
    assert [type(outcome) for outcome in outcomes(b"\xef\xbb\xbf[" + GOOD + b"," + GOOD + b"]")] == [Rejected] * 2


def test_a_terminating_nul_leaves_the_id_readable() -> None:
    assert only_rejection(GOOD + b"\x00").problem.code == "invalid_json"


def test_what_was_read_before_a_text_breaks_off_identifies_it() -> None:
    rejected = only_rejection(b'{"id":"a","tenant":"t","user":"u","prompt":"cut o')
    assert (rejected.id, rejected.tenant, rejected.user, rejected.problem.field) == ("a", "t", "u", "prompt")


def test_invalid_utf8_names_the_field_and_line_breaks_do_not_shift_it() -> None:
    assert only_rejection(b'{\n"id":"a",\n\n"tenant":"t","user":"\xff\xfe",\n"prompt":"p"}').problem.field == "user"


def test_an_id_in_bad_utf8_or_in_a_nested_object_is_not_read() -> None:
    assert isinstance(outcomes(b'{"id":"\xff","tenant":"t","prompt":"p"}')[0], DeadLetter)
    assert isinstance(outcomes(b'{"tags":{"id":"inner"},"x":tru}')[0], DeadLetter)


def test_of_a_key_that_occurs_twice_the_last_value_holds() -> None:
    twice = b'{"id":"a","id":"b","tenant":"t","prompt":"p","prompt":"q","tags":{"k":"1","k":"2"}}'
    (outcome,) = outcomes(twice)
    assert isinstance(outcome, Ok)
    assert (outcome.request.id, outcome.request.prompt, outcome.request.tags) == ("b", "q", {"k": "2"})
    assert only_rejection(b'{"id":"a","id":"b","tenant":"t"}').id == "b"
    assert only_rejection(b'{"id":"a","id":"b","tenant":"t","prompt":NaN,}').id == "b"


def test_an_escaped_key_is_the_key() -> None:
    assert only_rejection(b'{"\\u0069d":"a","tenant":"t"}').id == "a"
    assert only_rejection(b'{"\\u0069d":"a","tenant":"t",}').id == "a"


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (b'{"id":"x","tenant":"t"}', Rejected),
        (b'{"id":"x","tenant":"t","prompt":NaN}', Rejected),
        (b'{"id":"x","tenant":"t","prompt":"\\ud800"}', Rejected),
        (b'{"id":"x","tenant":"t","prompt":"\xff"}', Rejected),
        (b'{"id":"x","tenant":"t","tools":' + b"[" * DEEP + b"]" * DEEP + b"}", Rejected),
        (b'{"id":"x",]', Rejected),
        (b"7", DeadLetter),
        (b"null", DeadLetter),
        (b"", DeadLetter),
        (b"[]", DeadLetter),
        (b"{}", DeadLetter),
    ],
)
def test_a_bad_element_harms_no_other(bad: bytes, kind: type) -> None:
    found = outcomes(b"[" + GOOD + b"," + bad + b"," + GOOD + b"]")
    assert [type(outcome) for outcome in found] == [Ok, kind, Ok]


def test_what_follows_the_last_whole_element_is_one_dead_letter() -> None:
    for rest in (b"," + GOOD[:-5], b"," + GOOD, b"] garbage", b', "open', b"]]"):
        first, last = outcomes(b"[" + GOOD + rest)
        assert isinstance(first, Ok)
        assert isinstance(last, DeadLetter)
        assert last.position == 1
    trailing_comma = outcomes(b"[" + GOOD + b",]")
    assert [type(outcome) for outcome in trailing_comma] == [Ok, DeadLetter]


def test_an_array_may_hold_so_many_requests_and_the_rest_is_one_dead_letter() -> None:
    found = outcomes(b"[" + b",".join([b"{}"] * (MAX_REQUESTS + 5)) + b"]")
    assert len(found) == MAX_REQUESTS + 1
    last = found[-1]
    assert isinstance(last, DeadLetter)
    assert last.value == b",".join([b"{}"] * 5) + b"]"


def test_an_array_of_many_commas_is_divided_all_the_same() -> None:
    wide = GOOD[:-2] + b"," * (MAX_COMMAS + 1) + b'"}'
    found = outcomes(b"[" + GOOD + b"," + wide + b"]")
    assert [type(outcome) for outcome in found] == [Ok, Ok]
