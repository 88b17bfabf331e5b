"""Stable ids: the same line of the same submission is the same request, however often it is sent.

Everything that changes what is asked goes into the submission's id, so that a file submitted again with another
deadline or mode asks anew, and one submitted again unchanged gets the answers that are known.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from schemas.model import MAX_ID_CHARS
from streams.submission.source import Fingerprint

SUBMISSION_ID_BYTES = 8
HASHED_ID_BYTES = 16
PLAIN_ID = re.compile(r"[\x21-\x7e]+")


class Asking(msgspec.Struct, frozen=True):
    """How the lines of one submission are asked.

    Attributes:
        tenant: Of lines that name none.
        autopilot: Leave the choice of the model to Asahi where an OpenAI line names one.
        deadline: ISO 8601; for lines that have none. None: no deadline.
        name: Tells two submissions of the same file apart.
    """

    tenant: str
    autopilot: bool = False
    deadline: str | None = None
    name: str = ""


def submission_id(content: Fingerprint, asking: Asking) -> str:
    """Return the id all ids of this submission begin with: 16 hex digits."""
    digest = hashlib.blake2b(digest_size=SUBMISSION_ID_BYTES)
    for part in (content.digest, asking.tenant, str(asking.autopilot), asking.deadline or "", asking.name):
        digest.update(part.encode())
        digest.update(b"\x00")
    return digest.hexdigest()


def id_of_line(submission: str, number: int) -> str:
    """Return the id of a line that has none of its own."""
    return f"{submission}:{number}"


def id_of_custom(submission: str, custom_id: str) -> str:
    """Return the id of an OpenAI batch line; readable when its `custom_id` can be part of an id."""
    plain = f"{submission}/{custom_id}"
    if len(plain) <= MAX_ID_CHARS and PLAIN_ID.fullmatch(custom_id):
        return plain
    hashed = hashlib.blake2b(custom_id.encode(errors="surrogatepass"), digest_size=HASHED_ID_BYTES).hexdigest()
    return f"{submission}/~{hashed}"
