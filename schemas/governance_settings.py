"""The settings of governance; see `schemas/settings.py` for where they are read from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr

from schemas.section import Seconds, Section


class Signatures(StrEnum):
    """Whether producers must prove who they are."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    OFF = "off"


def _not_yaml(value: Any) -> Any:
    """Return what was meant: YAML reads an unquoted `off` as false."""
    return Signatures.OFF if value is False else value


class GovernanceSettings(Section):
    """Who is let in, and the secret behind keys and encryption.

    Attributes:
        signatures: `required`: every message on `asahi.requests` must be signed. `optional`: what is signed must be
            signed well, and who does not sign is let in as whom he says he is; without a master key it is `off`.
            `off`: nobody is asked.
        master_key: Base64 of 32 random bytes or more, from which all other secrets are derived. Never logged; set it
            by environment. Every worker needs the same one, and without it no key can be issued or checked.
        master_key_file: A file with the master key, where it is not given itself. The embedded stack makes one.
        vault_dir: Directory of the wrapped data keys; encryption is unavailable without one. Every worker needs the
            same, and no backup keeps it longer than erasure may take. The embedded stack has one of its own.
        wrapping_keys: Key-encryption keys, separated by commas, newest first: the first wraps, all unwrap. Each is
            base64 of 32 random bytes. Without any, the master key gives one. Never logged; set it by environment.
        wrapping_keys_file: A file with them, one a line, where they are not given themselves.
        clock_skew_seconds: How far the time in a signature may be from the time at which its message reached the log.
        balance_seconds: Between two notes of what budgets stand at; so much usage is read again after a crash.
        hold_seconds: How long after admission, or after the deadline if that is later, a budget holds the estimate of
            a request that nobody settles. Longer than any outage of the workers.
        retention_seconds: Between two looks for content that `policy.retention_days` keeps no longer.
    """

    signatures: Annotated[Signatures, BeforeValidator(_not_yaml)] = Signatures.OFF
    master_key: SecretStr | None = None
    master_key_file: Path | None = None
    vault_dir: Path | None = None
    wrapping_keys: SecretStr | None = None
    wrapping_keys_file: Path | None = None
    clock_skew_seconds: Seconds = 120.0
    balance_seconds: Seconds = 1.0
    hold_seconds: Seconds = 86_400.0
    retention_seconds: Seconds = 3_600.0
