"""Invented personal data of many countries, and what merely looks like it; written without the detector in mind.

Check digits come from `python-stdnum` or are computed here. Phone numbers are drawn from real area codes by formats
of our own, not from the metadata that the detector reads. Nothing here belongs to anybody, except by chance.
"""

from __future__ import annotations

import base64
import json
import string
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from random import Random

import stdnum.br.cpf
import stdnum.ca.sin
import stdnum.ch.ssn
import stdnum.de.idnr
import stdnum.ean
import stdnum.es.dni
import stdnum.es.nie
import stdnum.fr.nir
import stdnum.iban
import stdnum.in_.aadhaar
import stdnum.isbn
import stdnum.it.codicefiscale
import stdnum.luhn
import stdnum.nl.bsn
import stdnum.pl.pesel
import stdnum.verhoeff
from stdnum.exceptions import ValidationError

Make = Callable[[Random], str]

FIRST = (
    "Anna", "Ben", "Chloé", "David", "Elena", "Fatima", "Giorgio", "Hannah", "Ivan", "Julia", "Karl", "Lucía",
    "Mateusz", "Nadia", "Olivier", "Priya", "Quentin", "Rosa", "Sven", "Tomás", "Ursula", "Viktor", "Wanda",
    "Xavier", "Yusuf", "Zoë", "James", "Mary", "Ahmed", "Ingrid",
)  # fmt: skip
LAST = (
    "Andersson", "Becker", "Castillo", "Dubois", "Evans", "Ferrari", "García", "Hoffmann", "Iversen", "Jansen",
    "Kowalski", "Lefèvre", "Moreau", "Nowak", "O'Brien", "Pereira", "Quispe", "Rossi", "Schmidt", "Taylor",
    "Ueda", "Vargas", "Wilson", "Young", "Ziegler", "Müller", "Singh", "Costa", "Lindqvist",
)  # fmt: skip
DOMAINS = (
    "example.com", "mail.example.org", "firma.de", "posteo.net", "societe.fr", "empresa.com.br", "uni-koeln.de",
    "gov.uk", "ditta.it", "bedrijf.nl", "startup.io", "sub.dept.example.co.uk",
)  # fmt: skip


def digits(rng: Random, count: int) -> str:
    """Return so many digits."""
    return "".join(rng.choices(string.digits, k=count))


def _plain(text: str) -> str:
    table = str.maketrans("éèüíáóëñã", "eeuiaoena")
    return text.lower().translate(table).replace("'", "")


def email(rng: Random) -> str:
    """Return an e-mail address."""
    first, last = _plain(rng.choice(FIRST)), _plain(rng.choice(LAST))
    local = rng.choice(
        (
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}{digits(rng, 2)}",
            f"{first}+shop",
            f"{last}-{first}",
        )
    )
    address = f"{local}@{rng.choice(DOMAINS)}"
    return address.upper() if rng.random() < 0.05 else address


def _filled(rng: Random, form: str) -> str:
    """Return a form with each # replaced by a digit and each @ by a digit from 2 to 9."""
    return "".join(
        rng.choice("23456789") if sign == "@" else digits(rng, 1) if sign == "#" else sign for sign in form
    )


PHONES = {
    "US": ("({area}) @##-####", "{area}-@##-####", "+1 {area} @## ####", "+1-{area}-@##-####", "{area}.@##.####"),
    "GB": ("020 7@## ####", "+44 20 7@## ####", "07700 9#####", "+44 7700 9#####", "(0161) 4## ####", "01865 2#####"),
    "DE": ("030 @#######", "+49 30 @#######", "0171 @######", "+49 (0)89 @######", "0221/@######", "+49171@######"),
    "FR": ("01 4@ ## ## ##", "06 1@ ## ## ##", "+33 6 1@ ## ## ##", "01.45.##.##.##", "+336 12 ## ## ##"),
    "ES": ("91 5## ## ##", "612 ## ## ##", "+34 612 ### ###", "+34 93 4## ## ##"),
    "IT": ("06 6### ####", "347 ### ####", "+39 347 ### ####", "02 7### ####"),
    "NL": ("020 5## ####", "06 1@######", "+31 6 1@######", "+31 20 5## ####"),
    "PL": ("22 6## ## ##", "601 ### ###", "+48 601 ### ###"),
    "SE": ("08-5## ### ##", "070-6## ## ##", "+46 70 6## ## ##"),
    "BR": ("(11) 9@###-####", "+55 11 9@###-####", "(21) 2@##-####"),
    "IN": ("+91 98### #####", "098### #####", "+91-98########"),
    "AU": ("+61 4## ### ###", "+61 2 9### ####"),
    "CH": ("+41 79 @## ## ##", "+41 44 @## ## ##"),
    "JP": ("+81 3-5@##-####", "+81 90-1@##-####"),
}
AREAS = ["212", "310", "415", "617", "312", "713", "202", "305", "206", "503", "404", "303"]


def phone(rng: Random) -> str:
    """Return a phone number of some country in one of its usual forms."""
    form = rng.choice(PHONES[rng.choice(list(PHONES))])
    return _filled(rng, form.replace("{area}", rng.choice(AREAS)))


def card(rng: Random) -> str:
    """Return a payment card number with the prefix and length of its brand."""
    prefix, length = rng.choice(
        (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16))
    )
    body = prefix + digits(rng, length - len(prefix) - 1)
    number = body + stdnum.luhn.calc_check_digit(body)
    if rng.random() < 0.4:
        return number
    gap = rng.choice((" ", " ", "-"))
    cuts = (4, 10) if length == 15 else (4, 8, 12)
    return gap.join(number[a:b] for a, b in zip((0, *cuts), (*cuts, length), strict=True))


IBANS = {"DE": "#" * 18, "GB": "NWBK" + "#" * 14, "FR": "#" * 23, "NL": "INGB" + "#" * 10, "ES": "#" * 20}
IBANS |= {"PL": "#" * 24, "BE": "#" * 12, "CH": "#" * 17, "AT": "#" * 16, "SE": "#" * 20, "NO": "#" * 11}


def iban(rng: Random) -> str:
    """Return an IBAN with right check digits, whatever the country's own bank codes say."""
    country = rng.choice(list(IBANS))
    body = _filled(rng, IBANS[country])
    value = country + stdnum.iban.calc_check_digits(f"{country}00{body}") + body
    spaced = " ".join(value[at : at + 4] for at in range(0, len(value), 4))
    return spaced if rng.random() < 0.5 else value


def _born(rng: Random) -> date:
    return date(1940, 1, 1) + timedelta(days=rng.randrange(24_000))


def _until_valid(rng: Random, make: Make, valid: Callable[[str], bool]) -> str:
    while not valid(value := make(rng)):
        pass
    return value


def _ssn(rng: Random) -> str:
    return f"{rng.choice([*range(1, 666), *range(667, 773)]):03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def _nino(rng: Random) -> str:
    first, second = rng.choice("ABCEGHJKLMNOPRSTWXYZ"), rng.choice("ABCEGHJKLMNPRSTWXYZ")
    body = f"{first}{second}{digits(rng, 6)}{rng.choice('ABCD')}"
    if first + second in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"):
        return _nino(rng)
    return body if rng.random() < 0.5 else " ".join((body[:2], body[2:4], body[4:6], body[6:8], body[8]))


def _idnr(rng: Random) -> str:
    pool = [*rng.sample("123456789", 8), "0"]
    pool.append(pool[rng.randrange(8)])
    rng.shuffle(pool)
    if pool[0] == "0":
        return _idnr(rng)
    body = "".join(pool)
    from stdnum.iso7064 import mod_11_10

    value = body + mod_11_10.calc_check_digit(body)
    return value if rng.random() < 0.5 else f"{value[:2]} {value[2:5]} {value[5:8]} {value[8:]}"


def _nir(rng: Random) -> str:
    body = f"{rng.choice('12')}{rng.randint(40, 99)}{rng.randint(1, 12):02d}{rng.randint(1, 95):02d}"
    body += f"{rng.randint(1, 500):03d}{rng.randint(1, 700):03d}"
    value = body + stdnum.fr.nir.calc_check_digits(body)
    cuts = (0, 1, 3, 5, 7, 10, 13, 15)
    parts = [value[a:b] for a, b in pairwise(cuts)]
    return value if rng.random() < 0.5 else " ".join(parts)


def _dni(rng: Random) -> str:
    body = digits(rng, 8)
    return body + rng.choice(("", "-")) + stdnum.es.dni.calc_check_digit(body)


def _nie(rng: Random) -> str:
    body = rng.choice("XYZ") + digits(rng, 7)
    return body + stdnum.es.nie.calc_check_digit(body)


def _codice(rng: Random) -> str:
    born, letters = _born(rng), "BCDFGLMNPRSTVZ"
    body = "".join(rng.choices(letters, k=6)) + f"{born.year % 100:02d}{'ABCDEHLMPRST'[born.month - 1]}"
    body += f"{born.day + rng.choice((0, 40)):02d}{rng.choice('ABCDEFGHL')}{rng.randint(1, 999):03d}"
    return body + stdnum.it.codicefiscale.calc_check_digit(body)


def _bsn(rng: Random) -> str:
    return _until_valid(rng, lambda r: r.choice("123") + digits(r, 8), stdnum.nl.bsn.is_valid)


def _pesel(rng: Random) -> str:
    born = _born(rng)
    month = born.month + (20 if born.year >= 2000 else 0)
    body = f"{born.year % 100:02d}{month:02d}{born.day:02d}{digits(rng, 4)}"
    return body + stdnum.pl.pesel.calc_check_digit(body)


def _personnummer(rng: Random) -> str:
    born = _born(rng)
    body = f"{born:%y%m%d}{rng.randint(1, 999):03d}"
    body += stdnum.luhn.calc_check_digit(body)
    century = f"{born:%Y}"[:2] if rng.random() < 0.4 else ""
    return f"{century}{body[:6]}-{body[6:]}"


def _cpf(rng: Random) -> str:
    body = digits(rng, 9)
    value = body + stdnum.br.cpf._calc_check_digits(body)  # noqa: SLF001 - the library offers no other way
    return value if rng.random() < 0.3 else f"{value[:3]}.{value[3:6]}.{value[6:9]}-{value[9:]}"


def _aadhaar(rng: Random) -> str:
    body = rng.choice("23456789") + digits(rng, 10)
    value = body + stdnum.verhoeff.calc_check_digit(body)
    return f"{value[:4]} {value[4:8]} {value[8:]}" if rng.random() < 0.7 else value


def _sin(rng: Random) -> str:
    body = rng.choice("1234567") + digits(rng, 7)
    value = body + stdnum.luhn.calc_check_digit(body)
    return f"{value[:3]} {value[3:6]} {value[6:]}"


def _ahv(rng: Random) -> str:
    body = "756" + digits(rng, 9)
    value = body + stdnum.ean.calc_check_digit(body)
    return f"{value[:3]}.{value[3:7]}.{value[7:11]}.{value[11:]}"


IDENTITIES: dict[str, Make] = {
    "US": _ssn, "GB": _nino, "DE": _idnr, "FR": _nir, "ES": _dni, "ES-NIE": _nie, "IT": _codice, "NL": _bsn,
    "PL": _pesel, "SE": _personnummer, "BR": _cpf, "IN": _aadhaar, "CA": _sin, "CH": _ahv,
}  # fmt: skip
"""By country."""


def ip(rng: Random) -> str:
    """Return an address of a host, IPv4 or IPv6."""
    if rng.random() < 0.7:
        first = rng.choice((*range(11, 127), *range(128, 224)))
        return f"{first}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    groups = [f"{rng.randrange(65536):x}" for _ in range(4)]
    if rng.random() < 0.5:
        return f"2001:db8:{groups[0]}::{groups[1]}"
    return f"2a02:{':'.join(groups)}:{groups[0]}:1:{rng.randrange(16, 65536):x}"


def _letters(rng: Random, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choices(alphabet, k=count))


def _jwt(rng: Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": digits(rng, 10), "iat": 1_700_000_000 + rng.randrange(10**7)}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{_letters(rng, 43)}"


def _pem(rng: Random) -> str:
    kind = rng.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    body = "\n".join(_letters(rng, 64) for _ in range(4))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"


UPPER = string.ascii_uppercase + string.digits
SECRETS: tuple[Make, ...] = (
    lambda r: f"sk-{_letters(r, 48)}",
    lambda r: f"sk-proj-{_letters(r, 64)}",
    lambda r: f"sk-ant-api03-{_letters(r, 80)}",
    lambda r: f"AKIA{_letters(r, 16, UPPER)}",
    lambda r: f"ghp_{_letters(r, 36)}",
    lambda r: f"github_pat_{_letters(r, 22)}_{_letters(r, 59)}",
    lambda r: f"xoxb-{digits(r, 12)}-{digits(r, 12)}-{_letters(r, 24)}",
    lambda r: f"sk_live_{_letters(r, 24)}",
    lambda r: f"AIza{_letters(r, 35)}",
    lambda r: f"ask_{_letters(r, 12, string.ascii_lowercase + string.digits)}_{_letters(r, 43)}",
    _jwt,
    _pem,
)


def secret(rng: Random) -> str:
    """Return a key or token as some provider writes them."""
    return rng.choice(SECRETS)(rng)


def name(rng: Random) -> str:
    """Return a person's first and last name."""
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def _not_luhn(rng: Random) -> str:
    return _until_valid(rng, lambda r: "4" + digits(r, 15), lambda value: not stdnum.luhn.is_valid(value))


def _isbn(rng: Random) -> str:
    body = "978" + rng.choice("03") + digits(rng, 8)
    try:
        return str(stdnum.isbn.format(body + stdnum.ean.calc_check_digit(body)))
    except ValidationError:
        return _isbn(rng)


HARD: tuple[Make, ...] = (
    lambda r: f"order {digits(r, 9)}",
    lambda r: f"order no. {digits(r, 10)}",
    lambda r: f"#{digits(r, 3)}-{digits(r, 7)}-{digits(r, 7)}",
    lambda r: f"ISBN {_isbn(r)}",
    lambda r: f"v{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 99)}.{r.randint(0, 9)}",
    lambda r: f"version {r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 99)}.{r.randint(0, 9)}",
    lambda r: (
        f"20{r.randint(10, 29)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}T{r.randint(0, 23):02d}:30:05.123Z"
    ),
    lambda r: str(1_600_000_000 + r.randrange(10**8)),
    lambda r: str(1_600_000_000_000 + r.randrange(10**11)),
    lambda r: _letters(r, 40, "0123456789abcdef"),
    lambda r: _letters(r, 64, "0123456789abcdef"),
    lambda r: str(uuid.UUID(int=r.getrandbits(128))),
    lambda r: f"{r.randint(1, 99)},{digits(r, 3)},{digits(r, 3)}.{digits(r, 2)}",
    lambda r: f"{digits(r, 3)}.{digits(r, 8)}",
    _not_luhn,
    lambda r: f"invoice {r.randint(2015, 2026)}/{digits(r, 6)}",
    lambda r: f"chapter {r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}",
    lambda r: f"std::vector<int> v{r.randint(1, 9)}; a::b::c();",
    lambda r: f"git clone git@github.com:team/repo-{digits(r, 2)}.git",
    lambda r: f"logo@{r.randint(2, 3)}x.png",
    lambda r: f"npm install @types/node@{r.randint(10, 22)}.{r.randint(0, 9)}.{r.randint(0, 9)}",
    lambda r: f"{r.randint(10, 99)}-{r.randint(10, 99)}-{r.randint(10, 99)}",
    lambda r: f"[{r.randint(1, 9)}, {r.randint(10, 99)}, {r.randint(100, 999)}, {digits(r, 4)}, {digits(r, 5)}]",
    lambda r: f"tracking 1Z{_letters(r, 16, UPPER)}",
    lambda r: f"pages {digits(r, 3)}-{digits(r, 3)}, doi:10.{digits(r, 4)}/{digits(r, 6)}.{digits(r, 5)}",
    lambda r: f"{r.randint(1, 12)}:{r.randint(10, 59)}:{r.randint(10, 59)}",
    lambda r: f"10{digits(r, 2)} x 7{digits(r, 2)} px, 0x{_letters(r, 8, '0123456789abcdef')}",
    lambda r: f"sku-{digits(r, 6)}-{digits(r, 4)}",
    lambda r: f"subnet mask 255.255.{r.choice(('0', '255'))}.0",
)
"""What merely looks like personal data; none of it is labelled."""
