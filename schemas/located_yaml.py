"""YAML that remembers on which line each of its values stands, so that an error can name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Where a value stands in its document: keys and positions from the top."""


@dataclass(frozen=True, slots=True)
class Located:
    """A document with the place of each of its values.

    Attributes:
        value: What PyYAML's safe loader makes of it.
        lines: Line, from 1, by path; of a value in a mapping the line of its key.
        repeated: Path and line of each key that its mapping has already.
    """

    value: Any
    lines: Mapping[Path, int]
    repeated: Sequence[tuple[Path, int]]

    def line_of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest part around it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse_located(text: bytes) -> Located:
    """Read one YAML document.

    Raises:
        yaml.YAMLError: It is not YAML, or holds a tag that safe YAML does not know.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Located(None, {}, ())
        repeated: list[tuple[Path, int]] = []
        lines = dict(_places(root, (), _line(root), repeated))
        return Located(loader.construct_document(root), lines, repeated)
    finally:
        loader.dispose()


def _places(node: yaml.Node, path: Path, line: int, repeated: list[tuple[Path, int]]) -> Iterator[tuple[Path, int]]:
    yield path, line
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _places(item, (*path, position), _line(item), repeated)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            place = (*path, str(key.value))
            if place in seen:
                repeated.append((place, _line(key)))
            seen.add(place)
            yield from _places(value, place, _line(key), repeated)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
