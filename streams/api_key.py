"""API keys as their holders have them: `ask_<id>_<secret>`. The id is public, the secret never travels.

What travels are signatures (`streams.signing`) under a key that is derived from the secret by HKDF-SHA256 (RFC 5869):
no salt, `asahi/signing/v1` as info, 32 bytes. The input is the secret's text in ASCII, so that a shell can do it too.
"""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple

from schemas.errors import ConfigurationError

PREFIX = "ask"
SIGNING_INFO = b"asahi/signing/v1"
HASH_BYTES = 32
SECRET_BITS = 256
SECRET_CHARS = 43
"""62^43 is a little more than 2^256."""
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_FORM = re.compile(rf"{PREFIX}_([a-z0-9]{{8,32}})_([0-9A-Za-z]{{{SECRET_CHARS}}})")


class ApiKey(NamedTuple):
    """A key in the hands of its holder; it shows its secret to nobody who only prints it."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"ApiKey({self.id})"

    def text(self) -> str:
        """Return the key as it is given to its holder."""
        return f"{PREFIX}_{self.id}_{self.secret}"

    def signing_key(self) -> bytes:
        """Return the key of its signatures."""
        return signing_key(self.secret)


def parse_api_key(text: str) -> ApiKey:
    """Read a key.

    Raises:
        ConfigurationError: It is none; the message does not repeat it.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(
            f"the API key is not of the form {PREFIX}_<id>_<secret of {SECRET_CHARS} letters and digits>; "
            "copy it whole from what `asahi governance keys issue` printed"
        )
    return ApiKey(found[1], found[2])


def secret_text(random: bytes) -> str:
    """Return 32 random bytes as the text of a secret: letters and digits, which double-clicking selects whole."""
    assert len(random) * 8 == SECRET_BITS, "a secret has 256 bits"
    number = int.from_bytes(random)
    digits = []
    for _ in range(SECRET_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def signing_key(secret: str) -> bytes:
    """Return the key of the signatures of whoever holds this secret: HKDF with the standard library alone."""
    extracted = hmac.digest(bytes(HASH_BYTES), secret.encode(), "sha256")
    return hmac.digest(extracted, SIGNING_INFO + b"\x01", "sha256")
