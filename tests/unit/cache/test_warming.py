"""Lines of answers given elsewhere, and what is said of those that are wrong."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agents.cache.bringing import Given
from agents.cache.warming import given_in
from schemas.batch import Target
from schemas.errors import ConfigurationError
from schemas.wire import Answer, Tokens
from tests.flow.models import three_models

NOW = 1_800_000_000.0
LINE: dict[str, Any] = {"id": "r1", "prompt": "What is the capital of France?", "answer": "Paris", "model": "big"}


def read(line: bytes | dict[str, Any], number: int = 7) -> Given:
    raw = line if isinstance(line, bytes) else orjson.dumps(line)
    return given_in(raw, number, "acme", three_models(), NOW)


def test_a_line_is_a_request_with_its_answer() -> None:
    given = read(LINE)
    assert (given.request.id, given.request.tenant, given.request.prompt) == ("r1", "acme", LINE["prompt"])
    assert given.answer == Answer("Paris", None, "stop")
    assert (given.answered_by, given.completed_at) == (Target("big", three_models().get("big").providers[0]), NOW)  # type: ignore[union-attr]
    assert given.tokens.input_tokens > given.tokens.output_tokens > 0


def test_what_is_told_counts() -> None:
    output = {"content": "Par", "finish_reason": "length"}
    usage = {"input_tokens": 9, "output_tokens": 3, "reasoning_tokens": 1}
    given = read({**LINE, "answer": output, "provider": "elsewhere", "model": "own", "usage": usage})
    assert given.answer == Answer("Par", None, "length")
    assert given.answered_by == Target("own", "elsewhere")
    assert given.tokens == Tokens(input_tokens=9, output_tokens=3, reasoning_tokens=1)


def test_a_line_without_an_id_has_the_same_one_each_time() -> None:
    bare = {name: value for name, value in LINE.items() if name != "id"}
    assert read(bare).request.id == read(bare).request.id != read({**bare, "prompt": "Where?"}).request.id


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "line 7: not JSON"),
        (b"[]", "line 7: not an object"),
        (
            {"prompt": "Hm?", "model": "big"},
            "field answer: missing; to have models answer requests, use `asahi submit`",
        ),
        ({**LINE, "answer": 5}, "line 7: field answer"),
        ({**LINE, "model": ""}, "line 7: field model"),
        ({**LINE, "model": "unheard"}, "field model: unheard is not in the models file"),
        ({**LINE, "tenant": "zeta"}, "field tenant: it names another one"),
        ({**LINE, "prompt": 5}, "line 7: field prompt"),
        ({**LINE, "sampling": {"temperature": 9}}, "field sampling.temperature"),
        ({**LINE, "usage": {"input_tokens": -1}}, "field usage.input_tokens"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_its_field(line: bytes | dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(line)
    assert told in str(refused.value)
