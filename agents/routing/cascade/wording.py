"""What the wording of an answer gives away: refusals and doubts."""

from __future__ import annotations

import re

LOOKED_AT = 4_096
"""Characters of an answer that are searched."""

REFUSAL = re.compile(
    r"\b(?:i(?:'m| am)? (?:sorry|unable|not able|can(?:'t|not) (?:help|assist|do|provide|comply|answer|fulfil\w*))"
    r"|as an ai\b|(?:can(?:'t|not)|won't|will not) (?:help|assist|comply) with"
    r"|against my (?:guidelines|policy|programming)|must decline)",
    re.IGNORECASE,
)
HEDGE = re.compile(
    r"\b(?:however|assum(?:e|es|ed|ing|ption)|unclear|can(?:not|'t) (?:be|determine|provide|calculate|know)"
    r"|(?:do not|don't) (?:have|know)|not (?:enough|specified|given|provided|possible|clear)|please note|note that"
    r"|approximately|unknown|impossible|hypothetical|round(?:ed|ing)?|actually|mistake|wait|unfortunately|apologi[sz]e"
    r"|doesn't make sense|might be|it depends|not sure|let's denote)\b",
    re.IGNORECASE,
)


def refuses(answer: str) -> bool:
    """Whether the answer says that it will not or cannot answer."""
    return REFUSAL.search(answer[:LOOKED_AT]) is not None


def hedges(answer: str) -> int:
    """Return how often the answer doubts, assumes, rounds or corrects itself."""
    return len(HEDGE.findall(answer[:LOOKED_AT]))
