"""What screening a prompt has found: types and counts of personal data, and signs of prompt injection; never text."""

from __future__ import annotations

from enum import StrEnum

from schemas.model import Tokens, Value
from schemas.policy import PersonalDataMode
from schemas.section import Section


class PersonalDataType(StrEnum):
    """Kinds of personal data that are told apart; results count by them."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    NATIONAL_ID = "national_id"
    IP = "ip"
    SECRET = "secret"  # noqa: S105 - the name of a type
    NAME = "name"


class PersonalData(Value):
    """Personal data found in a request.

    Attributes:
        mode: What was done with it: `flag`, `redact`, `pseudonymize` or `block`.
        types: How often each type was found: `email`, `phone`, `card`, `iban`, `national_id`, `ip`, `secret`, `name`.
        unchecked: The check failed and the policy let the request pass; nothing was found or replaced.
    """

    mode: PersonalDataMode
    types: dict[str, Tokens] = {}
    unchecked: bool = False


class ScreeningSettings(Section):
    """Looking for personal data and for prompt injection.

    Attributes:
        phone_regions: Countries whose national phone numbers are known, as ISO 3166 codes separated by commas;
            numbers with a country code are known of every country.
        injection: Whether signs of prompt injection are looked for.
    """

    phone_regions: str = "US,GB,DE,FR,ES,IT,NL,PL,SE,BR,IN"
    injection: bool = True
