from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.providers.batches.anthropic import outcome_of as anthropic_outcome
from agents.providers.batches.interface import outcomes
from agents.providers.batches.openai import outcome_of as openai_outcome
from schemas.wire import Tokens

USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 2}


@pytest.mark.parametrize(
    ("body", "billed"),
    [({"content": 7, "usage": USAGE}, Tokens(42, 30, 5, 0, 2)), ([], None)],
)
def test_what_is_no_message_says_what_was_billed(body: Any, billed: Tokens | None) -> None:
    line = msgspec.json.encode({"custom_id": "i1", "result": {"type": "succeeded", "message": body}})
    assert (anthropic_outcome(line).reply, anthropic_outcome(line).billed) == (None, billed)


def test_an_answer_of_openai_that_is_billed_and_unreadable() -> None:
    body = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    line = msgspec.json.encode({"custom_id": "i1", "response": {"status_code": 200, "body": body}})
    assert openai_outcome(line).billed == Tokens(3, 0, 1)


async def test_a_line_without_a_custom_id_is_skipped() -> None:
    async def lines() -> Any:
        for line in (b"{broken", b'{"custom_id":"i1","error":{"code":"batch_expired"}}', b"{}"):
            yield line

    assert [(one.item, one.reason) async for one in outcomes(lines(), openai_outcome)] == [("i1", "batch_expired")]
    assert [one.item async for one in outcomes(lines(), anthropic_outcome)] == []
