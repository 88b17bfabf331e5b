"""How an answer is drawn, of a request as of its steps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.model import StrictValue, Text

MAX_STOP_SEQUENCES = 16


class Sampling(StrictValue):
    """How the answer is drawn; absent means the model's own default.

    Attributes:
        temperature: 0 is the most predictable, 2 the most varied.
        top_p: Draws from the likeliest tokens that together have this probability.
        max_output_tokens: Longest answer in tokens; models that cannot give it are not chosen.
        seed: The same seed asks for the same answer, where the provider can do that.
        stop: Texts at which the answer ends.
        presence_penalty: Above 0 discourages tokens that have occurred.
        frequency_penalty: Above 0 discourages tokens the more often they have occurred.
    """

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Annotated[list[Text], Field(max_length=MAX_STOP_SEQUENCES)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
