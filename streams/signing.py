"""Signatures on messages: three headers that prove who sent what to which topic, and when.

The signature is HMAC-SHA256 under the signing key (`streams.api_key`), in hex, over five lines joined by single line
feeds, without one at the end:

```
asahi-v1
<asahi-timestamp: Unix time in milliseconds>
<topic>
<message key; empty when there is none>
<SHA-256 of the message's value, in hex>
```

The first line is the version of this form. Only the message key may hold line feeds itself, and what stands before
and behind it cannot, so no two messages have the same text. One signature covers a message, and with it every request
of an array.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

from streams.api_key import ApiKey
from streams.envelope import Headers, Publication

VERSION = b"asahi-v1"
KEY_ID_HEADER = "asahi-key-id"
TIMESTAMP_HEADER = "asahi-timestamp"
SIGNATURE_HEADER = "asahi-signature"
MS_PER_SECOND = 1000


def body_hash(value: bytes | None) -> bytes:
    """Return the last line of what is signed."""
    return sha256(value or b"").hexdigest().encode()


def signature(signing_key: bytes, timestamp: bytes, topic: str, key: bytes | None, body_sha256: bytes) -> bytes:
    """Return the 32 bytes of a signature.

    Args:
        signing_key: Derived from the secret.
        timestamp: As it stands in its header.
        topic: Where the message goes.
        key: The message key.
        body_sha256: Of the message's value, in hex.
    """
    text = b"\n".join((VERSION, timestamp, topic.encode(), key or b"", body_sha256))
    return hmac.digest(signing_key, text, "sha256")


class Signer:
    """Signs messages on behalf of the holder of a key.

    Args:
        key: Whose.
        clock: Returns Unix seconds.

    Attributes:
        key_id: The key's id, which is public.
    """

    def __init__(self, key: ApiKey, clock: Callable[[], float]) -> None:
        self.key_id = key.id
        self._id = key.id.encode()
        self._signing_key = key.signing_key()
        self._clock = clock

    def signed(self, topic: str, publication: Publication) -> Publication:
        """Return the message with the three headers."""
        timestamp = str(int(self._clock() * MS_PER_SECOND)).encode()
        proof = signature(self._signing_key, timestamp, topic, publication.key, body_hash(publication.value))
        headers: Headers = [
            *publication.headers,
            (KEY_ID_HEADER, self._id),
            (TIMESTAMP_HEADER, timestamp),
            (SIGNATURE_HEADER, proof.hex().encode()),
        ]
        return publication._replace(headers=headers)
