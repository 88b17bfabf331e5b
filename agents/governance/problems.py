"""What is wrong with a request and what to do about it, in words for people and codes for programs.

Names of fields are told, what they hold never is: a prompt must not turn up in a result or a log by way of an error.
"""

from __future__ import annotations

import msgspec

from schemas.wire import ProblemRecord


def to_resend(problem: ProblemRecord) -> ProblemRecord:
    """Return the problem with the advice that a rejected id is spent: it has its one result."""
    return msgspec.structs.replace(problem, remedy=f"{problem.remedy}; then send the request under a new id")


def empty_message() -> ProblemRecord:
    """Return the problem of a message without a value, or of an array without requests."""
    return ProblemRecord("empty_message", "the message holds no request", "send a JSON object or an array of them")


def undivided(bytes_left: int, max_requests: int) -> ProblemRecord:
    """Return the problem of the rest of an array in which no further request can be told apart."""
    return ProblemRecord(
        "invalid_json",
        f"the last {bytes_left} bytes of the array cannot be divided into requests: "
        f"it is cut off, malformed, or holds more than {max_requests} requests",
        "close every string and bracket, and send large arrays as several messages",
    )


def too_large(size: int, limit: int, field: str | None) -> ProblemRecord:
    """Return the problem of a request of `size` bytes, most of them in `field`."""
    return ProblemRecord(
        "too_large",
        f"the request has {size} bytes, most of them in {field or 'an unknown field'}; the limit is {limit}",
        f"shorten {field or 'it'}",
        field,
    )


def too_deep(field: str | None, limit: int) -> ProblemRecord:
    """Return the problem of brackets nested too deeply."""
    where = field or "the request"
    return ProblemRecord(
        "too_deep", f"{where}: nested more than {limit} levels deep", f"flatten {where} or send it as text", field
    )


def not_finite(field: str) -> ProblemRecord:
    """Return the problem of NaN, Infinity, or a number too large for a float."""
    return ProblemRecord(
        "invalid_field",
        f"{field}: holds NaN, Infinity or a number too large for a 64-bit float",
        f"write such numbers in {field} as null or as text",
        field,
    )


def integer_too_large(field: str) -> ProblemRecord:
    """Return the problem of an integer beyond 64 bits."""
    return ProblemRecord(
        "invalid_field",
        f"{field}: holds an integer that needs more than 64 bits",
        f"write large integers in {field} as text",
        field,
    )


def holds_nul(field: str) -> ProblemRecord:
    """Return the problem of a NUL character in text."""
    return ProblemRecord(
        "invalid_field", f"{field}: contains a NUL character", f"remove the NUL character from {field}", field
    )


def byte_order_mark() -> ProblemRecord:
    """Return the problem of a message that begins with U+FEFF."""
    return ProblemRecord(
        "invalid_json", "the message begins with a byte order mark", "encode it as UTF-8 without byte order mark"
    )


def unknown_type(known: str) -> ProblemRecord:
    """Return the problem of a message whose `ce_type` is not the one this worker reads."""
    return ProblemRecord(
        "unsupported_version",
        "ce_type: names an event type or version that is not read here",
        f"set the header ce_type to {known} or leave it out",
        "ce_type",
    )


def key_mismatch() -> ProblemRecord:
    """Return the problem of a message key that is not the request's tenant."""
    return ProblemRecord(
        "key_mismatch",
        "key: the message key is not the request's tenant",
        "set the message key to the tenant; requests of different tenants go in different messages",
        "key",
    )
