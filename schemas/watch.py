"""What the analyst knows of an organization, as it notes it now and then: the internal topic `asahi.internal.watch`.

Internal: it may change with any release; a note of another version is passed over, and what is usual is learnt again.
"""

from __future__ import annotations

from typing import Any

import msgspec

LAYOUT = 1
"""Of the state; a note of another one cannot be read."""


class Watched(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one organization's minutes are judged, and what is known by then.

    It travels as MessagePack: some 15 kB of numbers per metric, half of what JSON takes.

    Attributes:
        tenant: The organization.
        minute: The last one that was judged, in minutes since 1970.
        state: Of detectors and episodes, as they return it.
        layout: Of the state.
    """

    tenant: str
    minute: int
    state: dict[str, Any]
    layout: int = LAYOUT
