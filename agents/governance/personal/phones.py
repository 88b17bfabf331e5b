"""Phone numbers, by the numbering plans that `phonenumbers` ships (Google's libphonenumber)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import phonenumbers
from phonenumbers import PhoneNumberFormat
from stdnum import isbn

from agents.governance.personal.finding import Finding, digits_of, stands_alone
from schemas.screening import PersonalDataType

MIN_DIGITS, MAX_DIGITS = 7, 15
"""ITU-T E.164 allows 15; shorter numbers are too often something else."""
CUE_CHARS = 24
CUES = re.compile(
    r"\b(?:tel|phone|mobile|mobil|cell|call|fax|telefon|t[ée]l[ée]phone|tel[ée]fono|telefone|celular|cellulare"
    r"|handy|rufen|anrufen|appel|llam|chiam|bel|zadzwo|dzwoni|ring|whatsapp|sms|text)",
    re.IGNORECASE,
)
"""Beginnings of words near a number that say what it is."""
MAX_TRIMS = 4
MAX_GAP = 3
"""Signs between two groups of digits."""
ISBN_PREFIXES = ("978", "979")

_CANDIDATE = re.compile(r"\+?\(?[0-9](?:[ \u00a0\u202f\u2011./()-]{0,3}[0-9]){6,16}")
_GROUPS = re.compile(r"[0-9]+")
_GAP = " \u00a0\u202f"


class PhoneBook:
    """Finds phone numbers with a country code, and national ones of some countries.

    A national number counts when a word before it says what it is, or when it is grouped the way its country writes
    numbers: that tells it from order numbers.

    Args:
        regions: The countries, as ISO 3166 codes.
    """

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = tuple(regions)

    def phones(self, text: str, start: int, end: int) -> Iterator[Finding]:
        """Find phone numbers that begin in a stretch of text."""
        place = start
        while found := _CANDIDATE.search(text, place, end):
            begin = found.start()
            stop = self._longest(text, begin, found.end())
            if stop is None:  # what follows the first group may be one
                first = _GROUPS.search(text, begin)
                assert first is not None, "a candidate has digits"
                place = first.end()
            else:
                yield Finding(PersonalDataType.PHONE, begin, stop)
                place = stop

    def _longest(self, text: str, start: int, end: int) -> int | None:
        """Return the end of the longest number that begins here: a number of another kind may follow it."""
        for _ in range(MAX_TRIMS):
            if self._is_phone(text, start, end):
                return end
            gap = max(text.rfind(sign, start, end) for sign in _GAP)
            if gap <= start:
                return None
            end = gap
            while not text[end - 1].isdigit():
                end -= 1
        return None

    def _is_phone(self, text: str, start: int, end: int) -> bool:
        written = text[start:end]
        digits = digits_of(written)
        if not MIN_DIGITS <= len(digits) <= MAX_DIGITS or not stands_alone(text, start, end):
            return False
        if written.startswith("+"):
            return _is_international(written)
        before = text[max(0, start - CUE_CHARS) : start]
        if digits.startswith(ISBN_PREFIXES) and isbn.is_valid(digits):
            return False
        follows_digits = any("0" <= sign <= "9" for sign in before[-MAX_GAP:])  # then it may be the rest of a number
        if written.startswith("00"):
            return not follows_digits and _is_international(f"+{written[2:]}")
        if follows_digits and any("0" <= sign <= "9" for sign in text[end : end + MAX_GAP]):
            return False  # the middle of something longer
        cued = not follows_digits and CUES.search(before) is not None
        grouped = len(digits) != len(written)
        return (cued or grouped) and any(self._is_national(written, region, cued) for region in self._regions)

    @staticmethod
    def _is_national(written: str, region: str, cued: bool) -> bool:
        number = _parsed(written, region)
        if number is None or not phonenumbers.is_valid_number(number):
            return False
        if cued:
            return True
        usual = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        return _GROUPS.findall(usual) == _GROUPS.findall(written)


def _is_international(written: str) -> bool:
    """Return whether a number with its country code has a length that its country uses: the plus says the rest."""
    number = _parsed(written, None)
    return number is not None and phonenumbers.is_possible_number(number)


def _parsed(written: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
