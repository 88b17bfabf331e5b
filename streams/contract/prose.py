"""What a class and its fields mean, read from its docstring: the one place where that is written."""

from __future__ import annotations

import inspect
import re

_SECTION = "Attributes:"
_ENTRY = re.compile(r"^    (\w+): (.*)$")


def meaning_of(model: type) -> str:
    """Return the docstring of a class without its section on attributes."""
    return _docstring(model).partition(_SECTION)[0].strip()


class Undocumented(LookupError):
    """A field has no meaning written down."""


class Meanings(dict[str, str]):
    """The meaning of each attribute of a class by name, inherited ones included; a missing one raises."""

    def __init__(self, model: type) -> None:
        super().__init__()
        self._model = model
        for ancestor in reversed(model.__mro__):
            self.update(_attributes(_docstring(ancestor)))

    def __missing__(self, name: str) -> str:
        owner = f"{self._model.__module__}.{self._model.__qualname__}"
        raise Undocumented(f"{name} has no meaning: add it to the section `{_SECTION}` of {owner}'s docstring")


def _docstring(model: type) -> str:
    return inspect.cleandoc(model.__dict__.get("__doc__") or "")


def _attributes(docstring: str) -> dict[str, str]:
    meanings: dict[str, str] = {}
    name = None
    for line in docstring.partition(f"{_SECTION}\n")[2].splitlines():
        entry = _ENTRY.match(line)
        if entry is not None:
            name, meanings[entry[1]] = entry[1], entry[2]
        elif line and not line.startswith("    "):
            break  # the next section
        elif name is not None and line:
            meanings[name] += f" {line.strip()}"
    return meanings
