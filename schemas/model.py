"""What every event is built from: the frozen base models and the shared field types."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

MAX_ID_CHARS = 200
MAX_NAME_CHARS = 64
NO_NUL_PATTERN = r"^[^\x00]*$"
PLAIN_DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"


class Event(BaseModel):
    """A fact: immutable, versioned. Readers ignore fields they do not know, since fields are only added."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")

    version: Literal[1] = 1


class Value(BaseModel):
    """A part of an event; no version of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class StrictValue(BaseModel):
    """A part of what a producer sends: an unknown field is a typing error and is named, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _plain(amount: Decimal) -> str:
    return format(amount, "f")


Text = Annotated[str, StringConstraints(pattern=NO_NUL_PATTERN)]
"""Text without NUL, which ends strings in too many programs to be let in."""
RequestId = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[\x21-\x7e]+$", strict=True)
]
"""Idempotency key: printable ASCII without spaces."""
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
]
"""Identifier of a tenant, model or provider."""
Usd = Annotated[
    Decimal,
    PlainSerializer(_plain, return_type=str, when_used="json"),
    Field(allow_inf_nan=False),
    WithJsonSchema({"type": "string", "pattern": PLAIN_DECIMAL_PATTERN}, mode="serialization"),
]
"""US dollars, exact; travels as a JSON string such as "0.000125"."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Tokens = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0.0)]
