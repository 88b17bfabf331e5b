"""Families of questions: forms that ask the same, and what may be changed in them so that they ask something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

Part = Literal["fit", "test"]

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

CATEGORIES = {
    "number": "number",
    "count": "number",
    "length": "unit",
    "mass": "unit",
    "volume": "unit",
    "span": "unit",
    "money": "unit",
    "data": "unit",
    "warmth": "unit",
    "metric": "unit",
    "power": "unit",
    "period": "unit",
    "coin": "unit",
    "month": "date",
    "weekday": "date",
    "date": "date",
    "when": "date",
    "year": "date",
    "day": "date",
    "clock": "date",
    "season": "date",
    "era": "date",
    "speech": "language",
    "tongue": "language",
    "code": "language",
    "dialect": "language",
    "phrase": "quotation",
    "quote": "quotation",
    "snippet": "quotation",
    "equation": "quotation",
    "formula": "quotation",
    "title": "quotation",
    "much": "quantifier",
    "often": "quantifier",
    "amount": "quantifier",
    "rate": "quantifier",
    "least": "quantifier",
    "bound": "quantifier",
}
"""What it is to change a filler of this name; the others with opposites are directions, the rest entities."""


@dataclass(frozen=True, slots=True)
class Family:
    """Forms of one question.

    Attributes:
        slots: Name of the fillers by the name of the slot.
        same: Forms that ask the same.
        swap: Two slots that must not change places; empty for none.
        either: Two slots that may.
        negated: Forms that ask the same with a negation, which is something else.
        other: Forms that ask something else of the same slots.
        limits: Whether a restriction may be added, which asks something else.
    """

    slots: Mapping[str, str]
    same: Sequence[str]
    swap: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    negated: Sequence[str] = ()
    other: Sequence[str] = ()
    limits: bool = False


@dataclass(frozen=True, slots=True)
class Families:
    """All families of a part, with what their slots are filled with.

    Attributes:
        fillers: By name: each with its spellings.
        opposites: By name: pairs of opposites.
        families: The forms.
    """

    fillers: Mapping[str, Sequence[tuple[str, ...]]]
    opposites: Mapping[str, Sequence[tuple[str, str]]]
    families: Sequence[Family]

    def category(self, filler: str) -> str:
        """Return what it is to change a filler."""
        named = CATEGORIES.get(filler)
        return named or ("direction" if filler in self.opposites else "entity")


@lru_cache(maxsize=2)
def families(part: Part) -> Families:
    """Read the families of a part."""
    file = Path(__file__).with_name(f"{part}.yaml")
    lists: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - a safe one
    fillers: dict[str, Sequence[tuple[str, ...]]] = {}
    opposites: dict[str, Sequence[tuple[str, str]]] = {}
    for name, values in lists["fillers"].items():
        if all("/" in value for value in values):
            pairs = [value.split("/") for value in values]
            opposites[name] = [(left, right) for left, right in pairs]
            fillers[name] = [(side,) for pair in pairs for side in pair]
        else:
            fillers[name] = [tuple(str(value).split("|")) for value in values]
    return Families(fillers, opposites, [_family(entry) for entry in lists["families"]])


def _family(entry: Mapping[str, Any]) -> Family:
    return Family(
        entry["slots"],
        entry["same"],
        tuple(entry.get("swap", "").split()),
        tuple(entry.get("either", "").split()),
        entry.get("not", ()),
        entry.get("other", ()),
        entry.get("limits", False),
    )
