"""The marks that make Anthropic cache the beginnings of a request: `cache_control` on the last block of each. Pure.

System texts come first there, wherever they stand in the request. A beginning that holds something behind which a
system text follows is therefore no beginning there, and stays unmarked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.providers.protocol import ChatMessage
from schemas.batch import Cut

MARK = {"type": "ephemeral"}
SYSTEM_ROLES = frozenset({"system", "developer"})

Block = dict[str, Any]


def text_block(text: str) -> Block:
    """Return a text as a block."""
    return {"type": "text", "text": text}


def mark(cuts: Sequence[Cut], messages: Sequence[ChatMessage], system: list[Block], turns: list[Block]) -> None:
    """Mark in these system blocks and turns where the beginnings end that the provider should cache.

    A text that a beginning ends in becomes two blocks.

    Args:
        cuts: Where they end.
        messages: What system blocks and turns were made of.
        system: One block for each system text, and perhaps more.
        turns: All other messages; results of tools that follow each other are one turn.
    """
    leading = next((i for i, each in enumerate(messages) if each.role not in SYSTEM_ROLES), len(messages))
    behind_system = max((i + 1 for i, each in enumerate(messages) if each.role in SYSTEM_ROLES), default=0)
    for cut in cuts:
        if cut.into == 0 and 0 < cut.messages <= leading:
            _mark(system[cut.messages - 1])
        elif cut.messages >= behind_system and cut.messages + bool(cut.into) > leading:
            turn, result = _place(messages, cut.messages - (cut.into == 0))
            _mark_turn(turns[turn], result, cut.into)


def _place(messages: Sequence[ChatMessage], index: int) -> tuple[int, int | None]:
    """Return the turn that a message became or became part of, and which of its results it is."""
    turn, result = -1, None
    for message in messages[: index + 1]:
        if message.role in SYSTEM_ROLES:
            continue
        if message.role != "tool":
            turn, result = turn + 1, None
        elif result is None:
            turn, result = turn + 1, 0
        else:
            result += 1
    return turn, result


def _mark_turn(turn: Block, result: int | None, into: int) -> None:
    if result is not None:
        if not into:
            _mark(turn["content"][result])
        return
    if isinstance(content := turn["content"], str):
        parts = [content[:into], content[into:]] if into else [content]
        turn["content"] = [text_block(part) for part in parts if part]
        into = 1
    blocks = turn["content"]
    if blocks:
        _mark(blocks[(into or len(blocks)) - 1])


def _mark(block: Block) -> None:
    """Mark a block; one without text is an error there."""
    if block["type"] != "text" or block["text"].strip():
        block["cache_control"] = MARK
