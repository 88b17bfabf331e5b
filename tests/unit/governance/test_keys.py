from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.keys import RANDOM_BYTES, KeyRing, Unreadable, authorize, rotated
from agents.governance.secrets import MasterKey
from schemas.errors import ConfigurationError
from schemas.governance import KeyIssued, Scope
from streams.api_key import parse_api_key, secret_text, signing_key
from tests.unit.governance.keys import ISSUED_AT, MASTER, RING, issue

NOW = ISSUED_AT.timestamp()
HOUR = timedelta(hours=1)


def test_a_key_says_its_id_and_is_read_as_it_is_written() -> None:
    issued = issue("a")
    text = issued.key.text()
    assert text == f"ask_{issued.fact.key_id}_{issued.key.secret}"
    assert parse_api_key(f" {text}\n") == issued.key


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_no_two_secrets_have_the_same_text(one: bytes, other: bytes) -> None:
    assert (secret_text(one) == secret_text(other)) == (one == other)
    assert len(secret_text(one)) == 43


@pytest.mark.parametrize("text", ["", "ask_", "ask_k0000001_short", "sk-live-abc", "ask_K0000001_" + "a" * 43])
def test_what_is_no_key_is_told_so_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the API key is not of the form ask_<id>_<secret") as wrong:
        parse_api_key(text)
    assert len(text) < 5 or text not in str(wrong.value)


def test_a_signing_key_is_hkdf_of_the_secret() -> None:
    # openssl kdf -keylen 32 -kdfopt digest:SHA2-256 -kdfopt key:swordfish -kdfopt info:asahi/signing/v1 HKDF
    assert signing_key("swordfish").hex() == "997549bc867fc9cdb7906bc9dd800e912347e75d9ac3d251b1c8651b8929454f"


def test_the_registry_can_open_the_signing_key_and_holds_nothing_raw() -> None:
    issued = issue("a")
    assert RING.signing_key(issued.fact) == issued.key.signing_key()
    fact = issued.fact.model_dump_json()
    assert issued.key.secret not in fact
    assert issued.key.signing_key().hex() not in fact
    assert issued.key.secret not in repr(issued)


def test_the_edge_knows_who_has_the_secret() -> None:
    one, other = issue("a"), issue("b")
    assert RING.proves(one.key, one.fact)
    assert not RING.proves(other.key, one.fact)
    assert not RING.proves(one.key._replace(secret=other.key.secret), one.fact)


@pytest.mark.parametrize(
    "fact",
    [
        issue("a").fact.model_copy(update={"signing_key": issue("b").fact.signing_key}),
        issue("a").fact.model_copy(update={"tenant": "zeta"}),
        issue("a").fact.model_copy(update={"signing_key": "no base64"}),
        issue("a").fact.model_copy(update={"signing_key": ""}),
    ],
    ids=["of another key", "of another tenant", "rubbish", "empty"],
)
def test_a_wrapped_key_opens_only_in_its_place(fact: KeyIssued) -> None:
    with pytest.raises(Unreadable):
        RING.signing_key(fact)


def test_a_wrapped_key_opens_only_under_its_master_key() -> None:
    with pytest.raises(Unreadable):
        KeyRing(MasterKey(bytes(32))).signing_key(issue("a").fact)
    assert KeyRing(MASTER).signing_key(issue("a").fact) == issue("a").key.signing_key()


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_every_issued_key_is_of_the_form(random: bytes) -> None:
    issued = RING.issue(issue("a").fact, random)
    assert parse_api_key(issued.key.text()) == issued.key
    assert KeyIssued.model_validate_json(issued.fact.model_dump_json()) == issued.fact


def code(problem: object) -> str | None:
    return getattr(problem, "code", None)


def test_scopes_are_what_a_key_may_do() -> None:
    producer, auditor = issue("a").fact, issue("b", scopes=(Scope.AUDITOR,)).fact
    administrator = issue("c", scopes=(Scope.ADMINISTRATOR,)).fact
    assert authorize(producer, Scope.PRODUCER, NOW) is None
    assert code(authorize(producer, Scope.AUDITOR, NOW)) == "wrong_scope"
    assert code(authorize(auditor, Scope.PRODUCER, NOW)) == "wrong_scope"
    assert authorize(auditor, Scope.AUDITOR, NOW) is None
    assert authorize(administrator, Scope.AUDITOR, NOW) is None
    assert code(authorize(administrator, Scope.PRODUCER, NOW)) == "wrong_scope"


def test_a_key_expires_by_the_time_at_which_it_was_used_and_is_revoked_at_once() -> None:
    fact = issue("a", expires_at=ISSUED_AT + HOUR).fact
    late = (ISSUED_AT + 2 * HOUR).timestamp()
    assert authorize(fact, Scope.PRODUCER, NOW) is None
    assert code(authorize(fact, Scope.PRODUCER, late)) == "expired_key"
    assert authorize(fact, Scope.PRODUCER, late, arrived=NOW) is None
    revoked = fact.model_copy(update={"revoked_at": ISSUED_AT})
    assert code(authorize(revoked, Scope.PRODUCER, NOW)) == "revoked_key"
    assert code(authorize(revoked, Scope.PRODUCER, late, arrived=NOW - 1)) == "revoked_key"
    assert authorize(revoked, Scope.PRODUCER, NOW - 1) is None


def test_a_rotated_key_holds_until_the_overlap_ends_and_no_longer_than_before() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert rotated(issue("a").fact, now=now, overlap_ends=now + HOUR).expires_at == now + HOUR
    short = issue("a", expires_at=now).fact
    assert rotated(short, now=now, overlap_ends=now + HOUR).expires_at == now
