"""What a ciphertext is bound to: it opens as this field of this request of this tenant, and as nothing else."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import AsahiError

SEPARATOR = "\n"
"""Occurs in no tenant's name, request id or field, so no two bindings look alike."""


class Field(StrEnum):
    """Which part of a request's way a ciphertext holds; a name is never given a second meaning."""

    REQUEST = "request"
    BODY = "body"
    ANSWER = "answer"
    OUTPUT = "output"
    ORIGINALS = "originals"


class SealBroken(AsahiError):
    """A ciphertext does not open: it was changed, moved to another request, or belongs to another key."""


class ContentErased(AsahiError):
    """The key of a ciphertext was destroyed: nobody can read it any more.

    Args:
        key_id: The key that was destroyed.
    """

    def __init__(self, key_id: str) -> None:
        super().__init__(f"data key {key_id} was destroyed; what it encrypted is erased")
        self.key_id = key_id


def binding(field: Field, tenant: str, request_id: str) -> bytes:
    """Return the associated data of a ciphertext.

    Raises:
        ValueError: A name holds a line break, which no valid one does.
    """
    if SEPARATOR in tenant or SEPARATOR in request_id:
        raise ValueError("a tenant's name or a request's id holds a line break")
    return f"asahi/{field}/v1\n{tenant}\n{request_id}".encode()
