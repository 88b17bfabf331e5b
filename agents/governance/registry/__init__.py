"""Who may use the system, and what holds for them: a fold over the compacted topic `asahi.governance`."""

from agents.governance.registry.fold import Registry
from agents.governance.registry.scopes import Scopes

__all__ = ["Registry", "Scopes"]
