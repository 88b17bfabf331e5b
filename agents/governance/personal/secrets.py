"""Keys and tokens of known providers, by the prefixes they document, and private keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.governance.personal.finding import Finding
from schemas.screening import PersonalDataType

_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
PEM = "-----BEGIN "

TOKENS = {
    "sk-": r"[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic (sk-ant-) and those who copy them
    "sk_": r"(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe
    "rk_": r"(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe
    "whsec_": r"[A-Za-z0-9]{20,}",  # Stripe
    "AKIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS
    "ASIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS
    "gh": r"[pousr]_[A-Za-z0-9]{36,}",  # GitHub
    "github_pat_": r"[A-Za-z0-9_]{22,}",  # GitHub
    "glpat-": r"[A-Za-z0-9_-]{20,}",  # GitLab
    "xox": r"[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    "xapp-": r"[A-Za-z0-9-]{10,}",  # Slack
    "AIza": r"[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",  # Google
    "ya29.": r"[A-Za-z0-9_-]{20,}",  # Google
    "GOCSPX-": r"[A-Za-z0-9_-]{20,}",  # Google
    "eyJ": r"[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JSON Web Token, RFC 7519
    "hf_": r"[A-Za-z0-9]{30,}",  # Hugging Face
    "npm_": r"[A-Za-z0-9]{36,}",  # npm
    "SG.": r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    "ask_": r"[a-z0-9]{8,32}_[A-Za-z0-9_-]{40,}",  # our own
}
"""What follows, by what they begin with. A match begins where a run of token characters does and reads each run once,
so that the whole takes time linear in the text."""
_PATTERNS = {
    prefix: re.compile(f"{re.escape(prefix)}(?<![A-Za-z0-9_-]{re.escape(prefix)}){rest}")
    for prefix, rest in TOKENS.items()
}


def secrets(text: str) -> Iterator[Finding]:
    """Find keys and tokens."""
    for prefix, pattern in _PATTERNS.items():
        if prefix in text:
            for found in pattern.finditer(text):
                yield Finding(PersonalDataType.SECRET, *found.span())
    if PEM in text:
        yield from _private_keys(text)


def _private_keys(text: str) -> Iterator[Finding]:
    """Find private keys in PEM; one without an end reaches to the end of the text."""
    place = 0
    while begin := _PEM_BEGIN.search(text, place):
        end = _PEM_END.search(text, begin.end())
        place = len(text) if end is None else end.end()
        yield Finding(PersonalDataType.SECRET, begin.start(), place)
