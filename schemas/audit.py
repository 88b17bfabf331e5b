"""What was decided about whom, for auditors: `asahi.audit`."""

from __future__ import annotations

from pydantic import AwareDatetime

from schemas.model import Event


class Audit(Event):
    """One auditable decision or administrative act. Never holds a prompt, an answer or a secret.

    Attributes:
        version: Of this contract.
        id: Deterministic: the same decision always has the same id.
        tenant: Whom it is about.
        actor: Who or which stage decided.
        action: What was done, e.g. `request_rejected`.
        subject: What it was done to, e.g. a request's id.
        outcome: How it ended.
        reason: Why, with the code first.
        occurred_at: When it was decided.
    """

    id: str
    tenant: str | None = None
    actor: str
    action: str
    subject: str
    outcome: str
    reason: str
    occurred_at: AwareDatetime
