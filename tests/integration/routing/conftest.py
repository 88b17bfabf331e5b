from __future__ import annotations

from tests.integration.sink.conftest import settings, warehouse

__all__ = ["settings", "warehouse"]
