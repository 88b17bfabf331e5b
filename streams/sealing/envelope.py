"""AES-256-GCM under a data key: what travels inside Asahi and rests in its archive.

```
magic (1) | data key id (16) | salt (16) | count (12, big-endian) | ciphertext and tag
```

A nonce must never repeat under one key, and many workers write under one data key without asking each other. So
nobody encrypts under the data key itself: each writer draws a random salt, derives a key of its own from both (HKDF,
RFC 5869), and counts. Within a salt the count is the nonce; two writers have the same salt with a probability of
2^-128. See docs/adr/0013-encryption.md for why not random nonces.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from streams.sealing.binding import SealBroken

MAGIC = b"\xa5"
"""Begins no JSON text and no UTF-8 text, so an envelope is told from what it replaces."""
KEY_BYTES = 32
ID_BYTES = 16
SALT_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
USES_PER_SALT = 2**24
"""After so many messages a writer draws a new salt; far below the 2^32 blocks-and-messages bounds of GCM."""
HELD_SALTS = 1_024

_HEAD = len(MAGIC) + ID_BYTES
_NONCE_AT = _HEAD + SALT_BYTES
_BODY_AT = _NONCE_AT + NONCE_BYTES
_DIGEST = "sha256"


def derived(root: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    """Return the 32 bytes of a data key that serve one purpose."""
    info = b"asahi/data-key/v1/" + purpose
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(root)


def is_envelope(content: bytes) -> bool:
    """Return whether these bytes are an envelope, and not the JSON that would stand there in plain."""
    return content.startswith(MAGIC) and len(content) >= _BODY_AT + TAG_BYTES


def key_id_of(envelope: bytes) -> str:
    """Return the hex id of the data key an envelope names.

    Raises:
        SealBroken: It is no envelope.
    """
    if not is_envelope(envelope):
        raise SealBroken("not an envelope")
    return envelope[len(MAGIC) : _HEAD].hex()


class ContentKey:
    """One data key, unwrapped, in one process; it shows itself to nobody.

    Args:
        key_id: 32 hex digits.
        root: The 32 random bytes from which all its parts are derived.
        random: Returns so many random bytes.
    """

    __slots__ = ("_count", "_digests", "_fingerprints", "_random", "_root", "_salt", "_salts", "_writer", "id")

    def __init__(self, key_id: str, root: bytes, random: Callable[[int], bytes]) -> None:
        assert len(root) == KEY_BYTES, f"a data key has {KEY_BYTES} bytes"
        assert len(bytes.fromhex(key_id)) == ID_BYTES, f"a data key's id has {ID_BYTES} bytes"
        self.id = key_id
        self._root = root
        self._random = random
        self._fingerprints = derived(root, b"fingerprints")
        self._digests = derived(root, b"digests")
        self._salts: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._renew()

    def __repr__(self) -> str:
        return f"ContentKey({self.id!r}, **********)"

    def seal(self, content: bytes, bound: bytes) -> bytes:
        """Return the envelope of some content, bound to `bound`."""
        if self._count == USES_PER_SALT:
            self._renew()
        nonce = self._count.to_bytes(NONCE_BYTES, "big")
        self._count += 1
        return b"".join(
            (MAGIC, bytes.fromhex(self.id), self._salt, nonce, self._writer.encrypt(nonce, content, bound))
        )

    def open(self, envelope: bytes, bound: bytes) -> bytes:
        """Return the content of an envelope.

        Raises:
            SealBroken: It was changed, is bound to something else, or was made under another key.
        """
        if key_id_of(envelope) != self.id:
            raise SealBroken("the envelope names another data key")
        cipher = self._cipher(envelope[_HEAD:_NONCE_AT])
        try:
            return cipher.decrypt(envelope[_NONCE_AT:_BODY_AT], envelope[_BODY_AT:], bound)
        except InvalidTag as wrong:
            raise SealBroken("the envelope was changed, or belongs to another request or field") from wrong

    def fingerprint(self, canonical: bytes) -> str:
        """Return a hex name for equal prompts that nobody can guess at without the key."""
        return hmac.digest(self._fingerprints, canonical, _DIGEST).hex()

    def request_digest(self, canonical: bytes) -> str:
        """Return a hex digest of a request that nobody can guess at without the key."""
        return hmac.digest(self._digests, canonical, _DIGEST).hex()

    def sealing_seed(self) -> bytes:
        """Return the private part of the X25519 pair to which producers seal."""
        return derived(self._root, b"sealing")

    def _renew(self) -> None:
        self._salt = self._random(SALT_BYTES)
        self._writer = AESGCM(derived(self._root, b"content", self._salt))
        self._count = 0

    def _cipher(self, salt: bytes) -> AESGCM:
        """Return the cipher of a writer's salt; the last ones are kept, as deriving one costs more than opening."""
        if salt == self._salt:
            return self._writer
        cipher = self._salts.get(salt)
        if cipher is None:
            cipher = self._salts[salt] = AESGCM(derived(self._root, b"content", salt))
            if len(self._salts) > HELD_SALTS:
                self._salts.popitem(last=False)
        else:
            self._salts.move_to_end(salt)
        return cipher
