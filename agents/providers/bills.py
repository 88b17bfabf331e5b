"""What an answer says was billed for it."""

from __future__ import annotations

import logging

import msgspec

from agents.providers.usage import Flavor, extract
from schemas.errors import UsageUnreadable
from schemas.wire import Tokens

logger = logging.getLogger(__name__)


def billed(flavor: Flavor, usage: msgspec.Raw) -> Tokens | None:
    """Return what was billed, or None when that cannot be read, so that it must be estimated.

    Args:
        flavor: Who counts how.
        usage: The usage object of the answer.
    """
    try:
        reading = extract(flavor, usage)
    except UsageUnreadable as unreadable:
        logger.debug("a bill is estimated", extra={"reason": unreadable.message})
        return None
    if reading.doubts:
        logger.warning("a bill contradicts itself", extra={"doubts": reading.doubts})
    return reading.tokens
