"""Whether a request is encrypted as its organization demands."""

from __future__ import annotations

from schemas.policy import EncryptionMode
from schemas.wire import ProblemRecord
from streams.stage import Journey

SEALED = "sealed"
KEY = "sealed.key"


def encryption_problem(journey: Journey, mode: EncryptionMode | None) -> ProblemRecord | None:
    """Return what speaks against a journey, or None.

    Args:
        journey: Its request is opened, if it was sealed.
        mode: Of its organization.
    """
    key, user = journey.data_key, journey.request.user
    if key is None:
        return None if mode in (None, EncryptionMode.OFF) else _plaintext()
    if key.user is not None and key.user != user:
        return ProblemRecord(
            "wrong_data_key",
            "sealed.key: the data key belongs to another user than the request",
            "seal to a data key of the request's own user: whom it names, else whose API key signs it",
            KEY,
        )
    if mode is EncryptionMode.USER and user is not None and key.user is None:
        return ProblemRecord(
            "wrong_data_key",
            "sealed.key: the organization encrypts by user, and this is the key of all of it",
            "seal to the data key of the request's user: whom it names, else whose API key signs it; an operator "
            "makes one with `asahi governance data-keys make --user`",
            KEY,
        )
    return None


def _plaintext() -> ProblemRecord:
    return ProblemRecord(
        "plaintext_request",
        "sealed: the organization demands encryption, and the request came in plain text",
        "seal it to the tenant's newest data key, as docs/encryption.md says; what was sent is in the log in plain "
        "text already, until its retention ends: erasing a key does not reach it",
        SEALED,
    )
