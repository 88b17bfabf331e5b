"""Requests as producers seal them: anybody can seal to the public part of a data key, and only workers open.

X25519 between an ephemeral key and the data key's, HKDF-SHA256, AES-256-GCM. An ephemeral key may serve many
requests, which then cost a worker one X25519 in all: the secret derived from it is held for the next.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections import OrderedDict
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.sealed import SealedContent
from streams.sealing.binding import Field, SealBroken, binding
from streams.sealing.envelope import KEY_BYTES, NONCE_BYTES, ContentKey

CONTENT_FIELDS = ("prompt", "messages", "tools", "response_format", "steps")
"""What a prompt may hide in. `sampling.stop` stays readable: it belongs to how, not to what."""
INFO = b"asahi/sealed-request/v1\n"
USES_PER_EPHEMERAL = 2**20
"""Nonces are random here, so an ephemeral key is renewed long before two of them are likely to meet."""
HELD_SECRETS = 4_096


class RequestSealer:
    """Seals requests to one data key.

    Args:
        key_id: The data key, as its public fact names it.
        public_key: Its public part, 32 bytes.
    """

    def __init__(self, key_id: str, public_key: bytes) -> None:
        self._key_id = key_id
        self._public = public_key
        self._renew()

    def seal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a request with its content sealed; what has been sealed already is returned as it is."""
        if "sealed" in request:
            return request
        if self._uses == USES_PER_EPHEMERAL:
            self._renew()
        self._uses += 1
        content = {field: request[field] for field in CONTENT_FIELDS if field in request}
        nonce = os.urandom(NONCE_BYTES)
        bound = binding(Field.REQUEST, request["tenant"], request["id"])
        ciphertext = self._cipher.encrypt(nonce, orjson.dumps(content), bound)
        sealed = {
            "key": self._key_id,
            "ephemeral": self._ephemeral,
            "nonce": _text(nonce),
            "ciphertext": _text(ciphertext),
        }
        return {field: value for field, value in request.items() if field not in content} | {"sealed": sealed}

    def _renew(self) -> None:
        private = X25519PrivateKey.generate()
        ephemeral = private.public_key().public_bytes_raw()
        shared = private.exchange(X25519PublicKey.from_public_bytes(self._public))
        self._cipher = AESGCM(_agreed(shared, ephemeral, self._public))
        self._ephemeral = _text(ephemeral)
        self._uses = 0


class RequestOpener:
    """Opens what was sealed to one data key.

    Args:
        key: The data key.
    """

    def __init__(self, key: ContentKey) -> None:
        self._id = key.id
        self._private = X25519PrivateKey.from_private_bytes(key.sealing_seed())
        self._public = self._private.public_key().public_bytes_raw()
        self._held: OrderedDict[str, AESGCM] = OrderedDict()

    @property
    def public_key(self) -> bytes:
        """The part of the key that is published: 32 bytes."""
        return self._public

    def open(self, sealed: SealedContent, tenant: str, request_id: str) -> bytes:
        """Return the JSON object of the content fields.

        Raises:
            SealBroken: It was changed, is sealed to another key, or belongs to another request or tenant.
        """
        if sealed.key != self._id:
            raise SealBroken("the request is sealed to another data key")
        try:
            nonce, ciphertext = b64decode(sealed.nonce, validate=True), b64decode(sealed.ciphertext, validate=True)
            return self._cipher(sealed.ephemeral).decrypt(
                nonce, ciphertext, binding(Field.REQUEST, tenant, request_id)
            )
        except (InvalidTag, ValueError) as wrong:
            raise SealBroken("the sealed content was changed, or belongs to another request or tenant") from wrong

    def _cipher(self, ephemeral: str) -> AESGCM:
        cipher = self._held.get(ephemeral)
        if cipher is None:
            point = b64decode(ephemeral, validate=True)
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(point))
            cipher = self._held[ephemeral] = AESGCM(_agreed(shared, point, self._public))
            if len(self._held) > HELD_SECRETS:
                self._held.popitem(last=False)
        return cipher


def _agreed(shared: bytes, ephemeral: bytes, public: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=INFO + ephemeral + public).derive(shared)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
