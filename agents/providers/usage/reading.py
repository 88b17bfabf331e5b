"""What was read of a bill, made consistent: a part is never more than its whole."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from schemas.wire import Tokens

MAX_TOKENS = 10**10
"""Beyond this a count is a fault, and costs would no longer be exact."""
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
Told = Count | None
"""A count that gateways leave out or null when they do not know it."""


class Reading(NamedTuple):
    """What a call used.

    Attributes:
        tokens: As billed.
        doubts: Where the bill contradicts itself and what was made of it; empty as a rule.
    """

    tokens: Tokens
    doubts: tuple[str, ...] = ()


def consistent(tokens: Tokens) -> Reading:
    """Return the tokens with every part cut to what its whole can hold, and a reason for each cut.

    Cutting is to the safe side: what exceeds its whole is billed like the rest of it.
    """
    if _plausible(tokens):
        return Reading(tokens)
    counts = msgspec.structs.asdict(tokens)
    doubts: list[str] = []

    def cut(part: str, *wholes: str, less: tuple[str, ...] = ()) -> None:
        room = min(counts[whole] for whole in wholes) - sum(counts[other] for other in less)
        if counts[part] > room:
            doubts.append(f"{part} is {counts[part]}, but at most {max(room, 0)} fit; counted so many")
            counts[part] = max(room, 0)

    cut("cached_input_tokens", "input_tokens")
    cut("cache_write_tokens", "input_tokens", less=("cached_input_tokens",))
    cut("cache_write_1h_tokens", "cache_write_tokens")
    cut("input_audio_tokens", "input_tokens")
    cut("input_image_tokens", "input_tokens", less=("input_audio_tokens",))
    cut("cached_audio_tokens", "input_audio_tokens", "cached_input_tokens")
    cut("output_audio_tokens", "output_tokens")
    cut("output_image_tokens", "output_tokens", less=("output_audio_tokens",))
    cut("reasoning_tokens", "output_tokens", less=("output_audio_tokens", "output_image_tokens"))
    return Reading(Tokens(**counts), tuple(doubts))


def _plausible(tokens: Tokens) -> bool:
    """Return whether every part fits into its whole."""
    sent, generated = tokens.input_tokens, tokens.output_tokens
    return (
        tokens.cached_input_tokens + tokens.cache_write_tokens <= sent
        and tokens.reasoning_tokens + tokens.output_audio_tokens + tokens.output_image_tokens <= generated
        and tokens.cache_write_1h_tokens <= tokens.cache_write_tokens
        and tokens.input_audio_tokens + tokens.input_image_tokens <= sent
        and tokens.cached_audio_tokens <= min(tokens.input_audio_tokens, tokens.cached_input_tokens)
    )
