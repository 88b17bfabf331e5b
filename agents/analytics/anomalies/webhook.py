"""What a webhook is told: the body, and the headers that prove who tells it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from schemas.anomaly import AnomalyEnded, AnomalyOpened

SIGNATURE = "Asahi-Signature"
IDEMPOTENCY_KEY = "Idempotency-Key"
OPENED, ENDED = "anomaly.opened", "anomaly.ended"


def body_of(event: AnomalyOpened) -> bytes:
    """Return the JSON: a subject and a text as an e-mail has them, and the whole event for programs."""
    document: dict[str, Any] = {
        "type": ENDED if isinstance(event, AnomalyEnded) else OPENED,
        "subject": event.title,
        "text": event.text,
        "event": event.model_dump(mode="json", exclude_defaults=True),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(event: AnomalyOpened, body: bytes, secret: str, now: int) -> dict[str, str]:
    """Return the headers; without a secret nothing is signed.

    The signature is `t=<Unix seconds>,v1=<hex>`, an HMAC-SHA256 over the seconds, a point and the body: whoever
    checks it can refuse what is old.
    """
    headers = {"Content-Type": "application/json", IDEMPOTENCY_KEY: event.id}
    if secret:
        signed = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"t={now},v1={signed}"
    return headers
