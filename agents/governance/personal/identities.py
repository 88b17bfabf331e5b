"""National identity numbers: their forms, and the checks that `python-stdnum` knows.

A form that says much (separators in the right places, letters, a date and a check digit) counts by itself. One that
is merely so many digits counts only near a word that names it: one order number in eleven has the check digit of a
Dutch BSN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stdnum.au import tfn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.ie import pps
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.us import ssn

from agents.governance.personal.finding import Finding, digits_of, stands_alone
from schemas.screening import PersonalDataType

Check = Callable[[str], bool]

CUE_CHARS_BEFORE = 48
CUE_CHARS_AFTER = 24
"""How far from a number a word may stand that says what it is."""
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")
"""UK National Insurance Manual, NIM39110; it has no check digit."""


class Identity(NamedTuple):
    """One kind of number: its check, and the words one of which must stand near; none are needed when empty."""

    check: Check
    cues: tuple[str, ...] = ()


def _nino(value: str) -> bool:
    return _NINO.fullmatch(value.replace(" ", "").upper()) is not None


_SSN = Identity(ssn.is_valid, ("ssn", "social security"))
_SIN = Identity(sin.is_valid, ("sin ", "sin:", "(sin)", "social insurance", "assurance sociale"))
_BSN = Identity(bsn.is_valid, ("bsn", "burgerservice", "sofinummer"))
_TFN = Identity(tfn.is_valid, ("tfn", "tax file"))
_NHS = Identity(nhs.is_valid, ("nhs",))
_AADHAAR = Identity(aadhaar.is_valid, ("aadhaar", "aadhar", "uidai", "आधार"))
_SWEDISH = ("personnummer", "personnr", "person")
_CPF = Identity(cpf.is_valid, ("cpf", "contribuinte"))

BARE: dict[int, tuple[Identity, ...]] = {
    9: (_SSN, _SIN, _BSN, _TFN),
    10: (_NHS, Identity(personnummer.is_valid, _SWEDISH), Identity(cpr.is_valid, ("cpr", "personnummer"))),
    11: (Identity(pesel.is_valid), Identity(idnr.is_valid), Identity(fodselsnummer.is_valid), _CPF,
         Identity(nn.is_valid, ("rijksregister", "registre national", "national"))),
    12: (_AADHAAR, Identity(personnummer.is_valid)),
    13: (Identity(cnp.is_valid),),
    15: (Identity(nir.is_valid),),
    18: (Identity(ric.is_valid),),
}  # fmt: skip
"""Numbers of nothing but digits, by how many."""

FORMED: dict[str, tuple[str, Identity]] = {
    "us": (r"[0-9]{3}-[0-9]{2}-[0-9]{4}", Identity(ssn.is_valid)),
    "us_spaced": (r"[0-9]{3} [0-9]{2} [0-9]{4}", _SSN),
    "br": (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", Identity(cpf.is_valid)),
    "ch": (r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", Identity(ahv.is_valid)),
    "be": (r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}[-.][0-9]{3}[-.][0-9]{2}", Identity(nn.is_valid)),
    "india": (r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}(?![ -][0-9])", Identity(aadhaar.is_valid)),
    "nordic": (r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", Identity(personnummer.is_valid)),
    "danish": (r"[0-9]{6}-[0-9]{4}", Identity(cpr.is_valid, ("cpr",))),
    "korea": (r"[0-9]{6}-[0-9]{7}", Identity(rrn.is_valid)),
    "finland": (r"[0-9]{6}[-+A-F][0-9]{3}[0-9A-Y]", Identity(hetu.is_valid)),
    "france": (r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", Identity(nir.is_valid)),
    "germany": (r"[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}", Identity(idnr.is_valid)),
    "nhs": (r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}", _NHS),
    "sin": (r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}", _SIN),
    "spain": (r"[0-9]{8}[- ]?[A-Za-z]", Identity(dni.is_valid)),
    "china": (r"[0-9]{17}[0-9X]", Identity(ric.is_valid)),
    "ireland": (r"[0-9]{7}[A-W][A-IW]?", Identity(pps.is_valid, ("pps", "ppsn"))),
}
"""Numbers that begin with a digit and are written in a form of their own."""

LETTERED: dict[str, tuple[str, Identity]] = {
    "nie": (r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]", Identity(nie.is_valid)),
    "uk": (r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", Identity(_nino)),
    "italy": (r"[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]", Identity(codicefiscale.is_valid)),
    "mexico": (r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]", Identity(curp.is_valid)),
    "pan": (r"[A-Z]{5}[0-9]{4}[A-Z]", Identity(pan.is_valid, ("pan", "permanent account"))),
}
"""Numbers that begin with a letter."""

_BARE = re.compile(r"[0-9]{9,18}")
_FORMS = tuple((re.compile(form), identity) for form, identity in FORMED.values())
_LETTERED = tuple((re.compile(form), identity) for form, identity in LETTERED.values())


def identities(text: str, start: int, end: int) -> Iterator[Finding]:
    """Find identity numbers that begin in a stretch of text with several digits."""
    for found in _BARE.finditer(text, start, end):
        rows = BARE.get(found.end() - found.start())
        if rows and stands_alone(text, *found.span()):
            number = digits_of(found[0])
            if any(_holds(row, number, text, *found.span()) for row in rows):
                yield Finding(PersonalDataType.NATIONAL_ID, *found.span())
    for pattern, identity in (*_FORMS, *_LETTERED):
        for found in pattern.finditer(text, start, end):
            if stands_alone(text, *found.span()) and _holds(identity, found[0], text, *found.span()):
                yield Finding(PersonalDataType.NATIONAL_ID, *found.span())


def _holds(identity: Identity, value: str, text: str, start: int, end: int) -> bool:
    if identity.cues:
        around = f"{text[max(0, start - CUE_CHARS_BEFORE) : start]} {text[end : end + CUE_CHARS_AFTER]}".lower()
        if not any(cue in around for cue in identity.cues):
            return False
    return identity.check(value)
