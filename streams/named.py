"""What is named instead of imported: nothing in `streams` imports an agent, and some of it belongs to one."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load_named(place: str) -> Any:
    """Import and return what stands at `module:attribute`."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
