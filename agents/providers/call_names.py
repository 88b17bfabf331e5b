"""The names a call travels under, so that both sides can tell calls apart and a provider can know one again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from hashlib import blake2b
from itertools import count

from agents.providers.protocol import Prompt

REQUEST_ID = "x-request-id"
CLIENT_REQUEST_ID = "x-client-request-id"
IDEMPOTENCY_KEY = "idempotency-key"
KEY_BYTES = 16


def call_names(prompt: Prompt, model: str, attempt: int) -> dict[str, str]:
    """Return the headers that name a call.

    `x-request-id` is `<request id>/<attempt>`. The idempotency key stays the same over the attempts of a request at a
    model, also when another worker repeats it after a crash: a provider that knows such keys bills it once.
    """
    return {REQUEST_ID: f"{prompt.id}/{attempt}", IDEMPOTENCY_KEY: idempotency_key(prompt, model)}


def idempotency_key(prompt: Prompt, model: str) -> str:
    """Return the key of what is asked of this model for this request; it tells nobody the tenant or the id."""
    named = f"{prompt.tenant}\x00{prompt.id}\x00{model}".encode()
    return f"asahi-{blake2b(named, digest_size=KEY_BYTES).hexdigest()}"


def unique_ids() -> Callable[[], str]:
    """Return a source of ids never returned before by any worker: one random part per process, then a count."""
    process, numbers = uuid.uuid4().hex, count(1)
    return lambda: f"{process}-{next(numbers):x}"
