"""Payment cards and bank accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import stdnum.iban
import stdnum.luhn
from stdnum.iso7064 import mod_97_10

from agents.governance.personal.finding import Finding, digits_of, stands_alone
from schemas.screening import PersonalDataType

_CARD = re.compile(
    r"[0-9]{4}([ \u00a0-])(?:[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|[0-9]{6}\1[0-9]{4,5})(?![0-9])|[0-9]{13,19}"
)
_BRANDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d*(?<=^\d{16})"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
    r"|62\d{14,17}"  # UnionPay
)
"""Prefixes and lengths as the brands publish them (ISO/IEC 7812 issuer identification)."""
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?:[ \u00a0]?[A-Z0-9]{4}){2,7}(?:[ \u00a0]?[A-Z0-9]{1,3})?", re.IGNORECASE)
_IBAN_LENGTHS = range(15, 35)


def cards(text: str, start: int, end: int) -> Iterator[Finding]:
    """Find card numbers: a brand's prefix and length, and a right check digit."""
    for found in _CARD.finditer(text, start, end):
        number = digits_of(found[0])
        if _BRANDS.fullmatch(number) and stands_alone(text, *found.span()) and stdnum.luhn.is_valid(number):
            yield Finding(PersonalDataType.CARD, *found.span())


def ibans(text: str, start: int, end: int) -> Iterator[Finding]:
    """Find international bank account numbers with right check digits and of their country's length.

    A country's own check digits and bank codes within are not looked at, for a customer who mistypes is one too.
    """
    for found in _IBAN.finditer(text, start, end):
        place = found.start()
        if place and (text[place - 1].isalnum() or text[place - 1] == "_"):
            continue
        for stop in _ends(text, place, found.end()):
            if _is_iban(text[place:stop].replace(" ", "").replace("\u00a0", "").upper()):
                yield Finding(PersonalDataType.IBAN, place, stop)
                break


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    """Give where an account may end: the whole, or before each later gap, since a word may follow."""
    if not (end < len(text) and text[end].isalnum()):
        yield end
    for place in range(end - 1, start + _IBAN_LENGTHS.start - 1, -1):
        if text[place] in " \u00a0":
            yield place


def _is_iban(value: str) -> bool:
    if len(value) not in _IBAN_LENGTHS or not value.isascii():
        return False
    return mod_97_10.is_valid(value[4:] + value[:4]) and _fits_country(value)


def _fits_country(value: str) -> bool:
    try:
        stdnum.iban.validate(value, check_country=False)
    except stdnum.exceptions.ValidationError:
        return False
    return True
