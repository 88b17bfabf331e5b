"""The settings of the audit trail; see `schemas/settings.py` for where they are read from."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from schemas.section import Count, Seconds, Section


class AuditSettings(Section):
    """How `asahi.audit` is sealed.

    Attributes:
        folder: Where signed checkpoints are kept, apart from log and ClickHouse; unset means `audit` in
            `embedded.data_dir`. Copy it elsewhere as often as you can: what is cut there too is not missed.
        signing_key: Base64 of 32 random bytes, the Ed25519 key of the checkpoints. Never logged; set it by
            environment. Every worker needs the same one.
        signing_key_file: A file with that key, where it is not given itself; unset means `signing.key` in the folder,
            which the first worker makes when it is missing.
        checkpoint_records: A checkpoint is signed after so many records.
        checkpoint_seconds: A checkpoint is signed at the latest so long after a record was sealed.
        unsealed_seconds: A record that has waited so long for its seal is a finding of `asahi audit verify`.
    """

    folder: Path | None = None
    signing_key: SecretStr | None = None
    signing_key_file: Path | None = None
    checkpoint_records: Count = 10_000
    checkpoint_seconds: Seconds = 15.0
    unsealed_seconds: Seconds = 60.0
