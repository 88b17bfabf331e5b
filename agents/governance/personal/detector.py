"""The detector: cheap looks at the text first, so that only what may hold personal data costs more.

Every pattern has bounded repetitions or begins only where a token does, so the time is linear in the text, whatever
it says. Pure: no clock, no network; the same text always gives the same findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agents.governance.personal.accounts import cards, ibans
from agents.governance.personal.addresses import emails, ipv4, ipv6
from agents.governance.personal.finding import Finding
from agents.governance.personal.identities import identities
from agents.governance.personal.names import names
from agents.governance.personal.phones import PhoneBook
from agents.governance.personal.secrets import secrets
from schemas.screening import ScreeningSettings

MARGIN_BEFORE = 24
MARGIN_AFTER = 40
"""Around several digits: an IBAN begins up to ten characters before them and may end in up to 24 letters."""
LOOKS = 3
"""At a text in which something was found, besides the first."""
BLANK = "\x00"
"""Part of no form."""
PRECEDENCE = {kind: place for place, kind in enumerate(("secret", "email", "iban", "card", "national_id", "ip"))}
"""Which of two kinds at the same place is meant; those with a check digit come before phones and names."""

_SEVERAL_DIGITS = re.compile(r"[0-9](?:[ \u00a0\u202f\u2011().:/+-]{0,3}[0-9]){5}")
_CODED = re.compile(r"[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]|[A-Z]{5}[0-9]{4}[A-Z]|[A-Z]{4}[0-9]{6}[HM]")
"""Identity numbers with letters between the digits."""
_DIGIT_DOT_DIGIT = re.compile(r"[0-9]\.[0-9]")


class Detector:
    """Finds personal data in texts.

    Args:
        settings: The countries whose phone numbers are known.
    """

    def __init__(self, settings: ScreeningSettings) -> None:
        self._phones = PhoneBook([region.strip().upper() for region in settings.phone_regions.split(",")])

    def find(self, text: str) -> list[Finding]:
        """Return what was found, in order and without overlaps.

        What was found hides what touches it, so the rest is looked at again without it, a few times at most.
        """
        found = _disjoint(self._candidates(text))
        fresh = found
        for _ in range(LOOKS if found else 0):
            text = _without(text, fresh)
            fresh = _disjoint(self._candidates(text))
            if not fresh:
                break
            found = sorted([*found, *fresh], key=lambda one: one.start)
        return found

    def _candidates(self, text: str) -> Iterator[Finding]:
        yield from secrets(text)
        if "@" in text:
            yield from emails(text)
        yield from names(text)
        if ":" in text and text.count(":") > 1:
            yield from ipv6(text)
        if not any(digit in text for digit in "0123456789"):  # ten calls of memchr: faster than one pattern
            return
        if "." in text and _DIGIT_DOT_DIGIT.search(text):
            yield from ipv4(text)
        for start, end in _stretches(text):
            yield from cards(text, start, end)
            yield from ibans(text, start, end)
            yield from identities(text, start, end)
            yield from self._phones.phones(text, start, end)


def _without(text: str, findings: Iterable[Finding]) -> str:
    """Return a text of the same length that has nothing in the place of what was found."""
    parts: list[str] = []
    end = 0
    for one in findings:
        parts += (text[end : one.start], BLANK * (one.end - one.start))
        end = one.end
    return "".join([*parts, text[end:]])


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Give the stretches of text around several digits, in order and without overlaps."""
    begin = stop = 0
    for place, end in _dense(text):
        if place - MARGIN_BEFORE > stop:
            if stop:
                yield begin, stop
            begin = max(0, place - MARGIN_BEFORE)
        stop = max(stop, min(len(text), end + MARGIN_AFTER))
    if stop:
        yield begin, stop


def _dense(text: str) -> Iterable[tuple[int, int]]:
    found = [match.span() for match in _SEVERAL_DIGITS.finditer(text)]
    coded = [match.span() for match in _CODED.finditer(text)]
    return sorted(found + coded) if coded else found


def _disjoint(candidates: Iterable[Finding]) -> list[Finding]:
    """Return the findings that stand: of those that overlap, the kind that is surer, then the longer."""
    taken: list[Finding] = []
    for one in sorted(candidates, key=lambda one: one.start):
        while taken and one.start < taken[-1].end:
            if _rank(one) >= _rank(taken[-1]):
                break
            taken.pop()
        else:
            taken.append(one)
    return taken


def _rank(one: Finding) -> tuple[int, int]:
    return PRECEDENCE.get(one.kind, len(PRECEDENCE)), one.start - one.end
