"""Signing what commands send: the key comes from `--key` or `ASAHI_API_KEY`."""

from __future__ import annotations

import time

import click

from schemas.errors import ConfigurationError
from schemas.settings import Settings, Signatures
from streams.api_key import parse_api_key
from streams.signing import Signer

KEY_VARIABLE = "ASAHI_API_KEY"

key_option = click.option(
    "--key", envvar=KEY_VARIABLE, help=f"API key to sign with; better given as {KEY_VARIABLE}, which nobody sees."
)


def signer_of(key: str | None, settings: Settings) -> Signer | None:
    """Return who signs, or None when there is no key and none is needed.

    Raises:
        ConfigurationError: The key is none, or there is none although signatures are required.
    """
    if key:
        return Signer(parse_api_key(key), time.time)
    if settings.governance.signatures is Signatures.REQUIRED:
        raise ConfigurationError(
            f"signatures are required: set {KEY_VARIABLE}, or --key, to a key from `asahi governance keys issue`"
        )
    return None
