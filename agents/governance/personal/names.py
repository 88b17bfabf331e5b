"""Names of people, where the words before them leave no doubt.

No library can tell names from other words at the speed of the request path without a model (see the ADR), so that a
name counts only behind a form of address or an introduction. Names elsewhere in a text stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.governance.personal.finding import Finding
from schemas.screening import PersonalDataType

TITLES = (
    "Mr", "Mrs", "Ms", "Dr", "Prof", "Herr", "Herrn", "Frau", "Mme", "Mlle", "Monsieur", "Madame", "Sr", "Sra",
    "Señor", "Señora", "Signor", "Signora", "signora", "signor", "Sig", "Dhr", "Mevrouw", "meneer", "mevrouw", "Pan",
    "Pani", "Senhor", "Senhora",
)  # fmt: skip
INTRODUCTIONS = (
    "name is", "Name ist", "ich heiße", "Ich heiße", "m'appelle", "me llamo", "Me llamo", "nombre es", "mi chiamo",
    "Mi chiamo", "nome è", "ik heet", "Ik heet", "naam is", "nazywam się", "Nazywam się", "jag heter", "Jag heter",
    "me chamo", "Me chamo", "nome é", "Full name:", "Patient:", "Patient name:",
)  # fmt: skip
GATES = tuple(sorted(set(TITLES) | set(INTRODUCTIONS)))
NOT_NAMES = frozenset((
    "President", "Chancellor", "Minister", "Professor", "Speaker", "Chairman", "Chairwoman", "Doctor",
    "Präsident", "Kanzler", "Secretary", "Ambassador", "Director", "Manager", "Judge", "Officer", "The", "This",
    "That", "Not",
))  # fmt: skip
"""Capitalised words that follow a form of address without being a name."""

_WORD = r"[^\W\d_](?:[^\W\d_]|['\u2019-](?=[^\W\d_])){0,30}"
_NAME = re.compile(rf"{_WORD}(?: (?:(?:van|von|de|der|den|del|della|di|da|dos|la|le|bin|al) ){{0,2}}{_WORD}){{0,2}}")
_CUE = re.compile(
    "(?:"
    + "|".join(
        rf"(?<!\w){re.escape(title)}(?:\. ?| )(?:(?:Dr|Prof)\. )?" for title in sorted(TITLES, key=len, reverse=True)
    )
    + "|"
    + "|".join(rf"(?<!\w){re.escape(words)} " for words in INTRODUCTIONS)
    + ")"
)


def names(text: str) -> Iterator[Finding]:
    """Find names behind a form of address or an introduction: up to three capitalised words and particles."""
    if not any(gate in text for gate in GATES):
        return
    for cue in _CUE.finditer(text):
        found = _NAME.match(text, cue.end())
        if found is None:
            continue
        end = _end_of_name(found[0])
        if end:
            yield Finding(PersonalDataType.NAME, found.start(), found.start() + end)


def _end_of_name(candidate: str) -> int:
    """Return how many characters of the candidate are a name: it ends before the first word in small letters."""
    end = place = 0
    for word in candidate.split(" "):
        capitalised = word[0].isupper() and not (len(word) > 1 and word.isupper())
        if capitalised and word not in NOT_NAMES:
            end = place + len(word)
        elif capitalised or not end or word[0].isupper() or word not in PARTICLES:
            break
        place += len(word) + 1
    return end


PARTICLES = frozenset(["van", "von", "de", "der", "den", "del", "della", "di", "da", "dos", "la", "le", "bin", "al"])
