from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.governance.audit.chain import End
from agents.governance.audit.checkpoints import TrustedKeys, key_id
from agents.governance.audit.journal import Journals, journal_file, journal_files
from agents.governance.audit.keys import public_pem, require_signing_key, trusted_keys
from schemas.audit_chain import AuditCheckpoint
from schemas.errors import ConfigurationError
from schemas.settings import AuditSettings, EmbeddedSettings, Settings
from tests.unit.governance.audit.records import CLUSTER, NOW

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def end(sequence: int, partition: int = 0) -> End:
    return End(CLUSTER, partition, sequence, sha256(b"%d" % sequence).digest(), sequence)


def own(folder: Path, **audit: object) -> Settings:
    return Settings(embedded=EmbeddedSettings(data_dir=folder), audit=AuditSettings.model_validate(audit))


def test_every_entry_names_the_line_before_it(tmp_path: Path) -> None:
    journals = Journals(tmp_path / "new", KEY)
    signed = [journals.append(end(sequence), NOW) for sequence in (1, 5, 9)]
    lines = journal_file(tmp_path / "new", 0).read_bytes().splitlines()
    assert [AuditCheckpoint.model_validate_json(line) for line in lines] == signed
    assert [one.entry for one in signed] == [1, 2, 3]
    assert signed[2].previous == sha256(lines[1]).hexdigest()
    assert len({one.journal for one in signed}) == 1


def test_another_process_goes_on_in_the_same_file_and_cuts_off_what_a_crash_left(tmp_path: Path) -> None:
    first = Journals(tmp_path, KEY).append(end(1), NOW)
    path = journal_file(tmp_path, 0)
    with path.open("ab") as file:
        file.write(b'{"id": "half of a li')
    second = Journals(tmp_path, KEY).append(end(2), NOW)
    assert (second.journal, second.entry) == (first.journal, 2)
    assert len(path.read_bytes().splitlines()) == 2
    Journals(tmp_path, KEY).append(end(1, partition=3), NOW)
    assert [number for number, _ in journal_files(tmp_path)] == [0, 3]


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    journal_file(tmp_path, 0).write_text("{}\n")
    with pytest.raises(ConfigurationError, match="no checkpoint"):
        Journals(tmp_path, KEY).append(end(1), NOW)
    assert journal_file(tmp_path, 0).read_text() == "{}\n"


def test_a_signature_holds_for_what_was_signed_and_nothing_else(tmp_path: Path) -> None:
    signed = Journals(tmp_path, KEY).append(end(1), NOW)
    trusted = TrustedKeys([KEY.public_key()])
    assert trusted.ids == [key_id(KEY.public_key())] == [signed.key_id]
    assert trusted.verify(signed) is None
    for field, value in (("sequence", 2), ("head", "00" * 32), ("cluster", "x"), ("partition", 1), ("entry", 7)):
        assert "signature" in (trusted.verify(signed.model_copy(update={field: value})) or ""), field
    assert "signature" in (trusted.verify(signed.model_copy(update={"signature": "not base64"})) or "")
    assert "not trusted" in (TrustedKeys([]).verify(signed) or "")


def test_the_first_worker_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    settings = own(tmp_path)
    key = require_signing_key(settings)
    path = tmp_path / "audit" / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert require_signing_key(settings).private_bytes_raw() == key.private_bytes_raw()
    assert [one.name for one in path.parent.iterdir()] == ["signing.key"]
    exported = tmp_path / "public.pem"
    exported.write_text(public_pem(key.public_key()))
    assert trusted_keys(own(tmp_path / "elsewhere"), [exported]).ids == trusted_keys(settings, []).ids


def test_a_configured_key_is_used_and_a_wrong_one_is_named_without_being_shown(tmp_path: Path) -> None:
    secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert require_signing_key(own(tmp_path, signing_key=secret)).private_bytes_raw() == bytes(range(32))
    with pytest.raises(ConfigurationError, match=r"audit\.signing_key: not base64") as wrong:
        require_signing_key(own(tmp_path, signing_key="c2VjcmV0"))
    assert "c2VjcmV0" not in str(wrong.value)
    with pytest.raises(ConfigurationError, match="there is no"):
        require_signing_key(own(tmp_path, signing_key_file=tmp_path / "missing"))
    with pytest.raises(ConfigurationError, match="no key to check"):
        trusted_keys(own(tmp_path), [])
    (tmp_path / "not.pem").write_text("hello")
    with pytest.raises(ConfigurationError, match="not a public key"):
        trusted_keys(own(tmp_path), [tmp_path / "not.pem"])
