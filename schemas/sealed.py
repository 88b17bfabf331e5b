"""The content of a request as its producer sealed it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.model import StrictValue, Value

_BASE64 = r"^[A-Za-z0-9+/]*={0,2}$"

DataKeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class SealedContent(StrictValue):
    """What stands in a request in place of its content.

    Attributes:
        key: The data key it is sealed to, as the tenant's public fact names it.
        ephemeral: The producer's X25519 public key, in base64; may serve many requests.
        nonce: 12 random bytes, never used twice under one ephemeral key, in base64.
        ciphertext: AES-256-GCM of the JSON object of the content fields, in base64.
    """

    key: DataKeyId
    ephemeral: Annotated[str, Field(pattern=_BASE64, max_length=44)]
    nonce: Annotated[str, Field(pattern=_BASE64, min_length=16, max_length=16)]
    ciphertext: Annotated[str, Field(pattern=_BASE64)]


class SealedOutput(Value):
    """What stands in a result in place of its answer, and of what a provider said of a failure.

    Attributes:
        key: The data key under which it is sealed; destroying it erases the answer.
        content: The envelope, in base64; absent when there is no answer, or the key was destroyed before there was.
    """

    key: DataKeyId
    content: str | None = None
