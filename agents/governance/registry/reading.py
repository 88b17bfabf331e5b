"""Reading one fact, for the fold and for commands that want to know what is wrong with it."""

from __future__ import annotations

from typing import cast

from pydantic import ValidationError

from agents.governance.registry.places import FACTS, Fact, Place, place_of_fact
from schemas.errors import InvalidEvent


def read_fact(place: Place, value: bytes) -> Fact:
    """Read a fact about this place.

    Raises:
        InvalidEvent: The bytes are no fact of its kind, or one about something else; names the field.
    """
    about = f"{place.kind} {str(place)!r}"
    try:
        fact = cast("Fact", FACTS[place.kind].model_validate_json(value))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidEvent(
            "invalid_field",
            f"{about}: {field or 'value'}: {first['msg']}",
            f"correct {field or 'the value'} and register the {place.kind} again",
            field or None,
        ) from wrong
    if place_of_fact(fact) != place:
        raise InvalidEvent(
            "key_mismatch",
            f"{about}: key: the fact is about {str(place_of_fact(fact))!r}",
            f"set the message key to whom the fact is about: {place_of_fact(fact)}",
            "key",
        )
    return fact
