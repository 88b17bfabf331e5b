"""Putting placeholders in the place of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from agents.governance.personal.finding import Finding
from schemas.screening import PersonalDataType
from streams.placeholders import placeholder, redacted

Name = Callable[[PersonalDataType, str], str]


class Pseudonyms:
    """The placeholders of one request: equal values get equal ones, numbered per type in order of appearance.

    Args:
        taken: Placeholders that the request holds already, whose numbers are passed over: they are the user's own.
    """

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = taken
        self._by_value: dict[tuple[PersonalDataType, str], str] = {}
        self._used: Counter[PersonalDataType] = Counter()

    @property
    def originals(self) -> dict[str, str]:
        """What stands behind each placeholder."""
        return {name: value for (_, value), name in self._by_value.items()}

    def name(self, kind: PersonalDataType, value: str) -> str:
        """Return the placeholder of a value."""
        known = self._by_value.get((kind, value))
        if known is not None:
            return known
        while True:
            self._used[kind] += 1
            name = placeholder(kind, self._used[kind])
            if name not in self._taken:
                self._by_value[kind, value] = name
                return name


def redact(kind: PersonalDataType, value: str) -> str:
    """Return the placeholder that says the type only."""
    del value
    return redacted(kind)


def replaced(text: str, findings: Sequence[Finding], name: Name) -> str:
    """Return a text with a placeholder for each finding."""
    if not findings:
        return text
    parts, place = [], 0
    for one in findings:
        parts += [text[place : one.start], name(one.kind, text[one.start : one.end])]
        place = one.end
    return "".join([*parts, text[place:]])
