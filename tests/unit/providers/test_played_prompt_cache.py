"""The test server's prompt caches, against what the providers say of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.prompt_cache import PromptCache, TooManyMarks

NOW = 1_800_000_000.0
MARK = {"cache_control": {"type": "ephemeral"}}


def asking(system: str, question: str = "Why?", mark: bool = True, **fields: Any) -> dict[str, Any]:
    block = {"type": "text", "text": system, **(MARK if mark else {})}
    return {"model": "m", "system": [block], "messages": [{"role": "user", "content": question}], **fields}


def test_marks_are_written_once_and_read_for_five_minutes_after_the_last_use() -> None:
    cache, body = PromptCache(), asking("x" * 8_000)
    read, written = cache.of_messages(body, NOW)
    assert read == 0
    assert written >= 2_000
    assert cache.of_messages(asking("x" * 8_000, "When?"), NOW + 299) == (written, 0)
    assert cache.of_messages(body, NOW + 598) == (written, 0)
    assert cache.of_messages(body, NOW + 898) == (0, written)


def test_short_and_unmarked_beginnings_are_not_cached() -> None:
    cache = PromptCache()
    for body in (asking("x" * 4_000), asking("x" * 8_000, mark=False)):
        assert cache.of_messages(body, NOW) == cache.of_messages(body, NOW + 1) == (0, 0)
    with pytest.raises(TooManyMarks):
        cache.of_messages(asking("x", tools=[{"name": "f", **MARK}] * 4), NOW)


def test_nothing_is_read_before_it_is_there() -> None:
    cache, body = PromptCache(ready_seconds=2.0), asking("x" * 8_000)
    _, written = cache.of_messages(body, NOW)
    assert cache.of_messages(body, NOW + 1) == (0, written)
    assert cache.of_messages(body, NOW + 2.5) == (written, 0)


def test_a_longer_beginning_writes_what_is_new() -> None:
    cache = PromptCache()
    _, written = cache.of_messages(asking("x" * 8_000), NOW)
    more = asking("x" * 8_000)
    more["messages"][0]["content"] = [{"type": "text", "text": "y" * 4_000, **MARK}]
    read, added = cache.of_messages(more, NOW + 1)
    assert read == written
    assert 1_000 <= added < 1_100


def test_openai_s_caches_whole_steps_from_1024_tokens_on_at_one_machine() -> None:
    cache = PromptCache()

    def sent(content: str, key: str | None = None) -> int:
        body = {"model": "m", "messages": [{"role": "user", "content": content}], "prompt_cache_key": key}
        return cache.of_text(body, NOW)

    assert [sent("x" * 4_000), sent("x" * 4_000)] == [0, 0]
    assert sent("x" * 8_000, "a") == 0
    assert sent("x" * 8_000 + "?", "a") % 128 == 0
    assert sent("x" * 8_000 + "?", "a") >= 1_920
    assert sent("x" * 8_000 + "?", "b") == 0
