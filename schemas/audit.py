"""What was decided about whom, for auditors: `asahi.audit`."""

from __future__ import annotations

from pydantic import AwareDatetime

from schemas.model import Event


class Audit(Event):
    """One auditable decision or administrative act. Never holds a prompt, an answer or a secret."""

    id: str
    tenant: str | None = None
    actor: str
    action: str
    subject: str
    outcome: str
    reason: str
    occurred_at: AwareDatetime
