"""Why a message is refused, each with a code of its own.

Key ids are public and may be told; secrets, signatures and what the message holds are not.
"""

from __future__ import annotations

from schemas.governance import KeyIssued, Scope
from schemas.wire import ProblemRecord
from streams.signing import KEY_ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER

MS_PER_SECOND = 1000
SIGN_IT = f"send the headers {KEY_ID_HEADER}, {TIMESTAMP_HEADER} and {SIGNATURE_HEADER}; docs/governance.md shows how"
SIGN_AGAIN = "sign it as docs/governance.md shows"


def unsigned_request() -> ProblemRecord:
    """Return the problem of a message without the headers of a signature."""
    return ProblemRecord("unsigned_request", "headers: the message is not signed", SIGN_IT, SIGNATURE_HEADER)


def unknown_key(key_id: str) -> ProblemRecord:
    """Return the problem of a signature under a key that nobody has."""
    return ProblemRecord(
        "unknown_key",
        f"{KEY_ID_HEADER}: there is no key {key_id!r}",
        "correct the key's id, or have a key issued with `asahi governance keys issue`",
        KEY_ID_HEADER,
    )


def unreadable_key(key_id: str) -> ProblemRecord:
    """Return the problem of a key that was wrapped under another master key."""
    return ProblemRecord(
        "unreadable_key",
        f"key {key_id}: it was issued under another master key than this worker's",
        "operators: give every worker the same governance.master_key, then `asahi deadletter replay`",
        KEY_ID_HEADER,
    )


def bad_signature(key_id: str) -> ProblemRecord:
    """Return the problem of a signature that was not made over this message with this key."""
    return ProblemRecord(
        "bad_signature",
        f"{SIGNATURE_HEADER}: it was not made with key {key_id} over this message, topic, message key and time",
        SIGN_AGAIN,
        SIGNATURE_HEADER,
    )


def bad_timestamp(key_id: str) -> ProblemRecord:
    """Return the problem of a time that is no number."""
    return ProblemRecord(
        "bad_signature",
        f"{TIMESTAMP_HEADER}: no Unix time in milliseconds, in a message under key {key_id}",
        SIGN_AGAIN,
        TIMESTAMP_HEADER,
    )


def clock_skew(key: KeyIssued, off_ms: int, most_ms: int) -> ProblemRecord:
    """Return the problem of a signature whose time is `off_ms` after (or, negative, before) its arrival."""
    where = "after" if off_ms > 0 else "before"
    return ProblemRecord(
        "clock_skew",
        f"{TIMESTAMP_HEADER}: key {key.key_id} signed {abs(off_ms) / MS_PER_SECOND:g} s {where} the message arrived; "
        f"at most {most_ms / MS_PER_SECOND:g} s are allowed",
        "set the producer's clock, and sign when the message is sent",
        TIMESTAMP_HEADER,
    )


def replayed_signature(key: KeyIssued) -> ProblemRecord:
    """Return the problem of a signature that another message had before."""
    return ProblemRecord(
        "replayed_signature",
        f"{SIGNATURE_HEADER}: another message came before with this signature of key {key.key_id}",
        "nothing is lost, the first one is served; sign again when sending again",
        SIGNATURE_HEADER,
    )


def revoked_key(key: KeyIssued) -> ProblemRecord:
    """Return the problem of a key that was revoked."""
    since = "" if key.revoked_at is None else f" since {key.revoked_at.isoformat(timespec='seconds')}"
    return ProblemRecord(
        "revoked_key",
        f"key {key.key_id}: revoked{since}",
        "use another key, or have one issued with `asahi governance keys issue`",
        KEY_ID_HEADER,
    )


def expired_key(key: KeyIssued) -> ProblemRecord:
    """Return the problem of a key whose time is over."""
    since = "" if key.expires_at is None else f" since {key.expires_at.isoformat(timespec='seconds')}"
    return ProblemRecord(
        "expired_key",
        f"key {key.key_id}: expired{since}",
        "use the key that replaces it, or have one issued with `asahi governance keys rotate`",
        KEY_ID_HEADER,
    )


def wrong_scope(key: KeyIssued, needed: Scope) -> ProblemRecord:
    """Return the problem of a key that is not for this."""
    has = ", ".join(key.scopes) or "nothing"
    return ProblemRecord(
        "wrong_scope",
        f"key {key.key_id}: has the scopes {has}, and not {needed}",
        f"use a key with the scope {needed}",
        KEY_ID_HEADER,
    )


def wrong_tenant(key: KeyIssued) -> ProblemRecord:
    """Return the problem of a request for another tenant than the key's; the other one is not named here."""
    return ProblemRecord(
        "wrong_tenant",
        f"tenant: key {key.key_id} belongs to {key.tenant}, and the request is for another tenant",
        f"set tenant and message key to {key.tenant}, or use a key of the other tenant",
        "tenant",
    )


def wrong_user(key: KeyIssued) -> ProblemRecord:
    """Return the problem of a request for another user than the key's."""
    return ProblemRecord(
        "wrong_user",
        f"user: key {key.key_id} belongs to the user {key.user}, and the request names another",
        f"set user to {key.user} or leave it out",
        "user",
    )


def sent_on_late(key: KeyIssued) -> ProblemRecord:
    """Return the problem of a message that Asahi sent on, and that reached the log much later."""
    return ProblemRecord(
        "clock_skew",
        f"asahi-voucher: a message under key {key.key_id} was sent on long before it came here",
        "let the producer send what has no result again; operators: was the broker away, or is somebody replaying?",
        TIMESTAMP_HEADER,
    )
