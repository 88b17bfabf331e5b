"""What `asahi.governance` says of the cache: which answers were taken out, up to when."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pydantic import ValidationError

from schemas.governance import CacheEvicted

logger = logging.getLogger(__name__)

KIND = "eviction"
ALL = "all"
_KEY_PARTS = 3


def of_request(request_id: str) -> str:
    """Return the selector of the answer that a request had."""
    return f"request-{request_id}"


def of_model(model: str) -> str:
    """Return the selector of the answers that a model gave."""
    return f"model-{model}"


def eviction_place(tenant: str, selector: str) -> bytes:
    """Return the message key of the fact about these answers; the newest one holds."""
    return f"{tenant}/{KIND}/{selector}".encode()


def is_eviction(name: str) -> bool:
    """Return whether a message key is one of an eviction."""
    return name.split("/")[1:2] == [KIND]


class Evictions:
    """A fold over the facts about evicted answers.

    Args:
        evicted: Told of the tenant whenever some of its answers are.
    """

    def __init__(self, evicted: Callable[[str], object] = lambda tenant: None) -> None:
        self._evicted = evicted
        self._until: dict[str, dict[str, float]] = {}

    def apply(self, name: str, value: bytes | None) -> None:
        """Take in one message; one that is no fact is logged, and a tombstone ends an eviction."""
        if value is None:
            tenant, _, selector = (*name.split("/", _KEY_PARTS - 1), "", "")[:_KEY_PARTS]
            self._until.get(tenant, {}).pop(selector, None)
            return
        try:
            fact = CacheEvicted.model_validate_json(value)
        except ValidationError:
            logger.error("ignored a fact about evicted answers", extra={"key": name})
            return
        if name.encode() != eviction_place(fact.tenant, fact.selector):
            logger.error("ignored a fact about other evicted answers than its key names", extra={"key": name})
            return
        known = self._until.setdefault(fact.tenant, {})
        at = fact.evicted_at.timestamp()
        if at > known.get(fact.selector, 0.0):
            known[fact.selector] = at
            self._evicted(fact.tenant)

    def covers(self, tenant: str, request_id: str, model: str, answered_at: float) -> bool:
        """Return whether an answer was evicted.

        Args:
            tenant: Whose it is.
            request_id: The request it was made for.
            model: That gave it.
            answered_at: Unix seconds at which it was made.
        """
        known = self._until.get(tenant)
        if not known:
            return False
        until = max(known.get(name, 0.0) for name in (ALL, of_request(request_id), of_model(model)))
        return answered_at <= until
