"""What many decisions have in common, told once: the candidates, and why the others lost."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from schemas.survey import Findings
from schemas.wire import NO_CANDIDATES, Choice

DIGEST_BYTES = 16
_json = msgspec.json.Encoder(order="deterministic")


def shared(choice: Choice) -> tuple[Choice, Findings | None]:
    """Return a decision that names its survey, and what the survey found.

    A decision in which nobody lost is short, and stays as it is.
    """
    if not choice.lost:
        return choice, None
    content = _json.encode((choice.models, choice.candidates, choice.lost))
    digest = blake2b(content, digest_size=DIGEST_BYTES).hexdigest()
    findings = Findings(digest, choice.models, choice.candidates, choice.lost)
    return msgspec.structs.replace(choice, survey=digest, candidates=NO_CANDIDATES, lost={}), findings
