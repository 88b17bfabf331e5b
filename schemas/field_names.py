"""Names of fields as errors show them."""

from __future__ import annotations

MAX_NAME_SHOWN = 64
"""Characters shown of a name the producer made up, such as an unknown field."""


def dotted(path: tuple[int | str, ...]) -> str | None:
    """Return the dotted name of a field, safe to show; None for the document as a whole."""
    return ".".join(_shown(part) for part in path) or None


def _shown(part: int | str) -> str:
    name = str(part)
    cut = name if len(name) <= MAX_NAME_SHOWN else f"{name[:MAX_NAME_SHOWN]}…"
    return cut if cut.isprintable() else ascii(cut)[1:-1]
