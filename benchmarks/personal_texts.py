"""A labelled set of texts with personal data in several languages, generated from templates of our own.

Development and held-out templates differ, and so do the seeds: rules were adjusted on the development texts only, and
the held-out templates were written before the first rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from benchmarks import personal_values as values

HARD_SHARE = 0.25
"""Of the texts, those that hold only what looks like personal data."""
PLAIN_SHARE = 0.1
"""Of the texts, those with neither."""


@dataclass(frozen=True, slots=True)
class Label:
    """Where personal data stands, and of which type."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with all the personal data in it, in order."""

    text: str
    labels: tuple[Label, ...]


MAKERS = {
    "email": values.email,
    "phone": values.phone,
    "card": values.card,
    "iban": values.iban,
    "ip": values.ip,
    "secret": values.secret,
    "name": values.name,
}

DEVELOPMENT = (
    "Please write to {email} or call {phone} before Friday.",
    "My card number is {card}, expiry 04/27. Can you check why it was declined?",
    "Transfer the money to {iban}, reference 4711.",
    "Dear Mr. {name},\nthank you for your letter of 12 March. You can reach me at {phone}.",
    "My name is {name} and my e-mail is {email}.",
    "User logged in from {ip} at 12:31:07, then again from {ip}.",
    "Here is my config:\nAPI_KEY={secret}\nTIMEOUT=30",
    "Sehr geehrte Frau {name}, bitte rufen Sie uns unter {phone} an.",
    "Ich heiße {name}, meine IBAN ist {iban}.",
    "Bonjour, je m'appelle {name}. Mon téléphone : {phone}, mon adresse : {email}.",
    "Me llamo {name} y mi correo es {email}; mi teléfono es {phone}.",
    "Mi chiamo {name}, il mio numero è {phone}.",
    "Mijn telefoonnummer is {phone} en mijn rekening is {iban}.",
    "SSN: {id:US}. Is this format right?",
    "My National Insurance number is {id:GB}.",
    "Meine Steuer-ID lautet {id:DE}.",
    "Mon numéro de sécurité sociale : {id:FR}",
    "Mi DNI es {id:ES} y el de mi mujer {id:ES-NIE}.",
    "Codice fiscale: {id:IT}",
    "Mijn BSN is {id:NL}, kunt u dat nakijken?",
    "Mój PESEL to {id:PL}.",
    "Mitt personnummer är {id:SE}.",
    "Meu CPF é {id:BR}.",
    "My Aadhaar number is {id:IN}.",
    "My social insurance number (SIN) is {id:CA}.",
    "Meine AHV-Nummer: {id:CH}",
    '{{"customer": {{"email": "{email}", "phone": "{phone}", "card": "{card}"}}, "total": 129.90}}',
    "id;mail;tel\n17;{email};{phone}\n18;{email};{phone}",
    "curl -H 'Authorization: Bearer {secret}' https://api.example.com/v1/items",
    "{email} wrote: the server {ip} is down again, mobile {phone}.",
    "Summarise: customer <{email}> paid {card} on 2026-03-04, ship to room 112.",
)
HELD_OUT = (
    "Could you draft a reply to {email}? She asked whether {phone} is still her number.",
    "Charge {card} for two nights, arrival 2026-07-11, 2 adults.",
    "What bank does {iban} belong to?",
    "Hello, this is Dr. {name} speaking, call me back on {phone} please",
    "I'm writing on behalf of Mrs {name} (contact: {email}).",
    "sshd[2211]: Failed password for root from {ip} port 52100",
    "why does this fail? client = Client(token='{secret}')",
    "Herr {name} hat unter {email} nicht geantwortet, versuchen Sie {phone}.",
    "Überweisen Sie 250 EUR auf {iban} bis zum 31.12.2026.",
    "Contactez Mme {name} au {phone} ou par courriel ({email}).",
    "Puede llamar al {phone} o escribir a {email}, gracias.",
    "Gentile signora {name}, la chiameremo al {phone}.",
    "Stuur de factuur naar {email}, rekeningnummer {iban}.",
    "Proszę dzwonić: {phone}, e-mail {email}",
    "Employee record: {name}, social security {id:US}, hired 2019",
    "NI no {id:GB}, date of birth 3 May 1981",
    "Steuerliche Identifikationsnummer {id:DE} (Finanzamt Köln)",
    "N° INSEE {id:FR}, née à Lyon",
    "El cliente con DNI {id:ES} reclama; su pareja tiene NIE {id:ES-NIE}",
    "il contribuente {id:IT} chiede un rimborso",
    "Burgerservicenummer: {id:NL}",
    "nr PESEL {id:PL}, urodzona w Krakowie",
    "Person {id:SE} har bokat tid på torsdag",
    "cliente inscrito no CPF {id:BR}",
    "UIDAI / Aadhaar: {id:IN}",
    "SIN {id:CA}, T4 attached",
    "Versicherten-Nr. {id:CH} bei der Ausgleichskasse",
    "- name: prod\n  host: {ip}\n  admin: {email}\n  key: {secret}",
    "<contact><mail>{email}</mail><tel>{phone}</tel></contact>",
    "| mail | card |\n|---|---|\n| {email} | {card} |\n| {email} | {card} |",
    "Translate to French: 'Reach {email}, tel. {phone}; pay into {iban}.'",
)
HARD_DEVELOPMENT = (
    "What does {hard} mean here?",
    "Log line: {hard} took 12 ms, then {hard}",
    "Bitte prüfen: {hard}",
    "La référence est {hard}, merci.",
)
HARD_HELD_OUT = (
    "I got {hard} and {hard}; which of them is newer?",
    "Explain {hard} to a beginner.",
    "Warum steht dort {hard}?",
    "compare ({hard}) with ({hard})",
)
PLAIN = (
    "Write a haiku about the sea in autumn.",
    "Natalia sold clips to 48 of her friends in April, and half as many in May. How many did she sell?",
    "Translate into German: the parcel arrived wet, and the dog at number 12 barked for 3 hours.",
    "Which of these is prime: 91, 97, 117, 119? Explain step by step.",
    "Refactor this: for i in range(10): print(i ** 2)",
    "Fasse den Text in drei Sätzen zusammen und nenne 5 Stichworte.",
)


def labelled_texts(count: int, seed: int, *, held_out: bool) -> list[LabelledText]:
    """Return so many texts, the same for the same seed.

    Args:
        count: How many.
        seed: Of the values and of the choice of templates.
        held_out: Whether to use the templates that no rule was adjusted on.
    """
    rng = Random(seed)
    templates, hard = (HELD_OUT, HARD_HELD_OUT) if held_out else (DEVELOPMENT, HARD_DEVELOPMENT)
    return [_text(rng, templates, hard) for _ in range(count)]


def _text(rng: Random, templates: Sequence[str], hard: Sequence[str]) -> LabelledText:
    draw = rng.random()
    if draw < PLAIN_SHARE:
        return LabelledText(rng.choice(PLAIN), ())
    chosen = hard if draw < PLAIN_SHARE + HARD_SHARE else templates
    return _filled(rng, rng.choice(chosen))


def _filled(rng: Random, template: str) -> LabelledText:
    labels: list[Label] = []
    first, *pieces = template.replace("{{", "\x01").replace("}}", "\x02").split("{")
    text = first.replace("\x01", "{").replace("\x02", "}")
    for piece in pieces:
        field, _, rest = piece.partition("}")
        value, kind = _value(rng, field)
        if kind is not None:
            labels.append(Label(kind, len(text), len(text) + len(value)))
        text += value
        text += rest.replace("\x01", "{").replace("\x02", "}")
    return LabelledText(text, tuple(labels))


def _value(rng: Random, field: str) -> tuple[str, str | None]:
    if field == "hard":
        return rng.choice(values.HARD)(rng), None
    kind, _, country = field.partition(":")
    if kind == "id":
        return values.IDENTITIES[country](rng), "national_id"
    return MAKERS[kind](rng), kind
