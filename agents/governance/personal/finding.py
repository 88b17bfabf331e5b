"""What a detector says of a text: which kind of personal data stands where."""

from __future__ import annotations

from typing import NamedTuple

from schemas.screening import PersonalDataType

GLUE = "-._/"
"""Between two letters or digits these join them to one token, such as a UUID or a version number."""
DECIMAL_SIGNS = ".,"


class Finding(NamedTuple):
    """One value found: `text[start:end]` is of this kind."""

    kind: PersonalDataType
    start: int
    end: int


def stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether a candidate is a token of its own rather than part of a longer number, name or code."""
    if start:
        before = text[start - 1]
        if before.isalnum() or before == "_":
            return False
        if before in GLUE and start > 1 and text[start - 2].isalnum():
            return False
    if end < len(text):
        after = text[end]
        if after.isalnum() or after in "_@":
            return False
        if after in GLUE or after in DECIMAL_SIGNS:
            return not (end + 1 < len(text) and text[end + 1].isdigit())
    return True


def digits_of(text: str) -> str:
    """Return the ASCII digits of a candidate."""
    return "".join(sign for sign in text if "0" <= sign <= "9")
