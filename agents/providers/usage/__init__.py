"""From a provider's usage body to tokens as Asahi counts them: one module per flavor."""

from __future__ import annotations

from agents.providers.usage.extraction import Flavor, extract
from agents.providers.usage.reading import Reading

__all__ = ["Flavor", "Reading", "extract"]
