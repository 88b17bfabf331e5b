from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.request import Request
from streams.submission.identity import Asking
from streams.submission.parsing import Accepted, LineParser, Refused
from streams.submission.source import Line

LONGEST = 2000
DEADLINE = "2026-11-24T08:00:00+00:00"
OPENAI = {
    "custom_id": "t1",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "gpt-4-turbo", "messages": [{"role": "user", "content": "hello"}]},
}


def parse(raw: bytes | None, asking: Asking | None = None) -> Accepted | Refused:
    return LineParser("sub", asking or Asking("demo"), LONGEST).parse(Line(3, 99, raw))


def accepted(raw: bytes, asking: Asking | None = None) -> Request:
    parsed = parse(raw, asking)
    assert isinstance(parsed, Accepted), parsed
    request = Request.model_validate_json(parsed.body)
    assert (request.id, request.tenant) == (parsed.id, parsed.tenant)
    return request


def refused(raw: bytes | None) -> Refused:
    parsed = parse(raw)
    assert isinstance(parsed, Refused), parsed
    assert parsed.problem.message.startswith("line 3: ")
    assert parsed.problem.remedy
    return parsed


def test_a_complete_line_is_sent_as_it_is() -> None:
    raw = b'{ "tenant": "acme",  "id": "x", "prompt": "hi" }'
    assert parse(raw) == Accepted("x", "acme", raw)


def test_what_a_line_lacks_is_added() -> None:
    request = accepted(b'{"prompt": "hi"}')
    assert (request.id, request.tenant, request.prompt) == ("sub:3", "demo", "hi")
    assert accepted(b'{"prompt":"hi","tenant":"acme"}').tenant == "acme"
    assert accepted(b'{"prompt":"hi","id":"mine"}').id == "mine"


@pytest.mark.parametrize("constraints", [None, {}, {"min_quality": 0.9}, {"deadline": "2026-11-23T09:00:00Z"}])
def test_the_deadline_of_the_submission_is_for_lines_without_their_own(constraints: dict[str, object] | None) -> None:
    document = {"prompt": "hi"} | ({} if constraints is None else {"constraints": constraints})
    request = accepted(orjson.dumps(document), Asking("demo", deadline=DEADLINE))
    own = (constraints or {}).get("deadline")
    expected = datetime(2026, 11, 23, 9, tzinfo=UTC) if own else datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert request.constraints.deadline == expected
    assert request.constraints.min_quality == (constraints or {}).get("min_quality")


def test_an_openai_line_becomes_a_request() -> None:
    parsed = parse(orjson.dumps(OPENAI))
    assert isinstance(parsed, Accepted)
    assert (parsed.id, parsed.tenant, parsed.custom_id) == ("sub/t1", "demo", "t1")
    request = accepted(orjson.dumps(OPENAI), Asking("demo", autopilot=True, deadline=DEADLINE))
    assert (request.mode, request.model) == ("autopilot", None)
    assert request.constraints.deadline is not None


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        (b"{", "malformed_json", None),
        (b"[]", "malformed_json", None),
        (b"null", "malformed_json", None),
        (b'"prompt"', "malformed_json", None),
        (b"\xff\xfe", "malformed_json", None),
        (b'{"prompt": "\xff"}', "malformed_json", None),
        (b'{"prompt": "\\ud800"}', "malformed_json", None),
        (b'{"tools": ' + b"[" * 900 + b"]" * 900 + b"}", "malformed_json", None),
        (b"{}", "invalid_field", "prompt"),
        (b'{"prompt": "hi", "messages": []}', "invalid_field", "messages"),
        (b'{"prompt": 5}', "invalid_field", "prompt"),
        (b'{"prompt": "a\\u0000b"}', "invalid_field", "prompt"),
        (b'{"prompt": "hi", "id": null}', "invalid_field", "id"),
        (b'{"prompt": "hi", "id": "two words"}', "invalid_field", "id"),
        (b'{"prompt": "hi", "tenant": 5}', "invalid_field", "tenant"),
        (b'{"prompt": "hi", "promt": "hi"}', "invalid_field", "promt"),
        (b'{"prompt": "hi", "sampling": {"temperature": 9}}', "invalid_field", "sampling.temperature"),
        (b'{"prompt": "hi", "constraints": 5}', "invalid_field", "constraints"),
        (b'{"custom_id": 5, "prompt": "hi"}', "invalid_field", "custom_id"),
        (b'{"custom_id": "", "prompt": "hi"}', "invalid_field", "custom_id"),
        (b'{"prompt": "' + b"x" * LONGEST + b'"}', "too_large", None),
        (None, "too_large", None),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_field(raw: bytes | None, code: str, field: str | None) -> None:
    problem = refused(raw).problem
    assert (problem.code, problem.field) == (code, field)


def test_a_refused_openai_line_keeps_its_custom_id() -> None:
    wrong = refused(orjson.dumps(OPENAI | {"url": "/v1/embeddings"}))
    assert (wrong.id, wrong.custom_id, wrong.problem.field) == ("sub/t1", "t1", "url")


def test_a_refused_line_keeps_its_own_id_and_tenant() -> None:
    wrong = refused(b'{"id": "mine", "tenant": "acme", "prompt": 5}')
    assert (wrong.id, wrong.tenant, wrong.problem.field) == ("mine", "acme", "prompt")
    nameless = refused(b'{"id": 7, "tenant": ["acme"], "prompt": "hi"}')
    assert (nameless.id, nameless.tenant) == ("sub:3", "")


def test_wrong_constraints_are_refused_also_when_a_deadline_must_be_added() -> None:
    parsed = parse(b'{"prompt": "hi", "constraints": null}', Asking("demo", deadline=DEADLINE))
    assert isinstance(parsed, Refused)
    assert parsed.problem.field == "constraints"


JSON = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(-9, 9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "tenant", "prompt", "body", "custom_id", "url"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.binary(max_size=30) | JSON.map(orjson.dumps))
def test_no_line_stops_the_reading(raw: bytes) -> None:
    parsed = parse(raw)
    if isinstance(parsed, Accepted):
        assert Request.model_validate_json(parsed.body).id == parsed.id
