from __future__ import annotations

import stat
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.errors import ConfigurationError
from schemas.governance_settings import Signatures
from schemas.settings import GovernanceSettings
from streams.master_key import (
    MasterKey,
    Purpose,
    load_master_key,
    make_master_key_file,
    own_master_key_file,
    require_master_key,
)

MATERIAL = bytes(range(224, 256))
TEXT = b64encode(MATERIAL).decode()


def given(text: str) -> GovernanceSettings:
    return GovernanceSettings(master_key=SecretStr(text))


def test_a_subkey_is_hkdf_of_the_master_key_under_its_purpose() -> None:
    # Computed with `openssl kdf -keylen 32 -kdfopt digest:SHA2-256 -kdfopt hexkey:e0e1..ff
    # -kdfopt info:asahi/governance/v1/data-keys HKDF`, so that nobody changes the derivation and loses every secret.
    assert (
        MasterKey(MATERIAL).subkey(Purpose.DATA_KEYS).hex()
        == "15c878ae283fd68cd333c806e854a4ee6698fc24978d6b6e385c068991b3b0d3"
    )


def test_every_purpose_has_a_subkey_of_its_own() -> None:
    assert len({MasterKey(MATERIAL).subkey(purpose) for purpose in Purpose}) == len(Purpose)


@pytest.mark.parametrize("text", [TEXT, f" {TEXT}\n", urlsafe_b64encode(MATERIAL).decode()])
def test_a_master_key_is_read_as_base64_of_either_kind(text: str) -> None:
    key = load_master_key(given(text))
    assert key is not None
    assert key.subkey(Purpose.VOUCHERS) == MasterKey(MATERIAL).subkey(Purpose.VOUCHERS)


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "this is not base64 at all, though it is long enough", "ä" * 60])
def test_an_error_names_the_setting_and_never_the_key(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"governance\.master_key: .*openssl rand -base64 32") as wrong:
        load_master_key(given(text))
    assert not text or text not in str(wrong.value)


def test_a_file_holds_the_key_where_it_is_not_given_itself(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(ConfigurationError, match=r"governance\.master_key_file: .* cannot be read"):
        load_master_key(GovernanceSettings(master_key_file=path))
    path.write_text(TEXT)
    assert load_master_key(GovernanceSettings(master_key_file=path)) is not None
    assert load_master_key(GovernanceSettings()) is None


def test_without_a_master_key_one_is_told_how_to_make_one() -> None:
    with pytest.raises(ConfigurationError, match="issuing a key needs the master key: set ASAHI_GOVERNANCE"):
        require_master_key(GovernanceSettings(), "issuing a key")


def test_an_embedded_stack_makes_one_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = make_master_key_file(folder)
    first = path.read_bytes()
    assert make_master_key_file(folder) == path == own_master_key_file(folder)
    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in folder.iterdir()] == [path.name]
    assert load_master_key(GovernanceSettings(master_key_file=path)) is not None


def test_off_is_off_also_where_yaml_makes_false_of_it() -> None:
    assert GovernanceSettings.model_validate({"signatures": False}).signatures is Signatures.OFF


def test_a_master_key_shows_itself_to_nobody() -> None:
    settings = given(TEXT)
    shown = repr(MasterKey(MATERIAL)) + repr(settings) + settings.model_dump_json()
    assert TEXT not in shown
    assert str(MATERIAL) not in shown
