"""A producer seals what its tenant wants sealed, to the right key, and opens only what it may."""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import orjson
import pytest

from schemas.errors import ConfigurationError
from schemas.governance import DataKeyDestroyed, DataKeyIssued
from schemas.policy import EncryptionMode, Policy
from schemas.result import Status
from schemas.sealed import SealedContent
from schemas.settings import KafkaSettings
from schemas.tenant import TenantRegistered
from schemas.wire import Answer, ProblemRecord, ResultRecord, SealedRecord
from streams.sealing.binding import ContentErased, SealBroken
from streams.sealing.codec import ContentCodec, ContentKeys
from streams.sealing.envelope import ContentKey
from streams.sealing.facts import data_key_place
from streams.sealing.requests import RequestOpener
from streams.submission.content import ContentAccess, SealingFacts, opened_result
from tests.unit.governance.keys import issue

AT = datetime(2026, 11, 26, tzinfo=UTC)
NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1")
"""No broker: what reaches for one fails."""
TENANTS = ContentKey("01" * 16, bytes(32), os.urandom)
AMARAS = ContentKey("02" * 16, bytes(range(32)), os.urandom)
NEWER = ContentKey("03" * 16, bytes(reversed(range(32))), os.urandom)


class Held:
    """Some keys of acme."""

    def __init__(self, *keys: ContentKey) -> None:
        self._keys = {key.id: key for key in keys}

    def key(self, tenant: str, key_id: str) -> ContentKey:
        if key_id not in self._keys:
            raise ContentErased(key_id)
        return self._keys[key_id]


def issued(key: ContentKey, hours: int = 0, user: str | None = None) -> DataKeyIssued:
    public = b64encode(RequestOpener(key).public_key).decode()
    at = AT + timedelta(hours=hours)
    return DataKeyIssued(tenant="acme", key_id=key.id, user=user, public_key=public, issued_at=at)


def facts(mode: EncryptionMode, *told: DataKeyIssued | DataKeyDestroyed) -> SealingFacts:
    found = SealingFacts()
    tenant = TenantRegistered(tenant="acme", reference_model="big", policy=Policy(encryption=mode))
    found.apply(b"acme", tenant.model_dump_json().encode())
    for fact in told:
        found.apply(data_key_place("acme", fact.key_id), fact.model_dump_json(exclude_none=True).encode())
    return found


def access(found: SealingFacts, keys: ContentKeys | None = None, api_key: str | None = None) -> ContentAccess:
    return ContentAccess(NOWHERE, found, keys, "a test", api_key)


def request(**fields: str) -> bytes:
    return orjson.dumps({"id": "r-1", "tenant": "acme", "prompt": "zebrafish", **fields})


def opened(key: ContentKey, body: bytes) -> Any:
    sealed = SealedContent(**orjson.loads(body)["sealed"])
    return orjson.loads(RequestOpener(key).open(sealed, "acme", "r-1"))


def published(answer: Answer | None, error: ProblemRecord | None = None) -> bytes:
    seal = SealedRecord(TENANTS.id)
    status = Status.COMPLETED if error is None else Status.FAILED
    result = ResultRecord("r-1", status, "0", AT, AT, "acme", output=answer, error=error, sealed=seal)
    sealed = ContentCodec(Held(TENANTS)).sealed_result(result)
    return msgspec.json.encode(sealed)


def test_what_a_tenant_wants_sealed_is_sealed_to_its_newest_key() -> None:
    sealed = access(facts(EncryptionMode.TENANT, issued(TENANTS), issued(NEWER, 1))).sealed(
        "acme", request(user="bo")
    )
    assert b"zebrafish" not in sealed
    assert opened(NEWER, sealed) == {"prompt": "zebrafish"}
    assert orjson.loads(sealed)["user"] == "bo"


def test_where_users_have_keys_a_request_is_sealed_to_its_users_and_else_to_the_tenants() -> None:
    content = access(facts(EncryptionMode.USER, issued(TENANTS), issued(AMARAS, user="amara")))
    assert opened(AMARAS, content.sealed("acme", request(user="amara"))) == {"prompt": "zebrafish"}
    assert opened(TENANTS, content.sealed("acme", request())) == {"prompt": "zebrafish"}
    with pytest.raises(ConfigurationError, match=r"data-keys make --tenant acme --user ben"):
        content.sealed("acme", request(user="ben"))


def test_a_request_that_names_no_user_is_sealed_to_the_user_of_the_api_key_that_signs_it() -> None:
    key, shared = issue("amara", user="amara").fact, issue("nobody").fact
    found = facts(EncryptionMode.USER, issued(TENANTS), issued(AMARAS, user="amara"))
    for fact in (key, shared):
        found.apply(f"acme/key/{fact.key_id}".encode(), fact.model_dump_json(exclude_none=True).encode())
    sealed = access(found, api_key=key.key_id).sealed("acme", request())
    assert opened(AMARAS, sealed) == {"prompt": "zebrafish"}
    assert "user" not in orjson.loads(sealed)
    for other in (shared.key_id, "unheard0", None):
        assert opened(TENANTS, access(found, api_key=other).sealed("acme", request())) == {"prompt": "zebrafish"}
    with pytest.raises(ConfigurationError, match="--user bo"):
        access(found, api_key=key.key_id).sealed("acme", request(user="bo"))
    found.apply(f"acme/key/{key.key_id}".encode(), None)
    assert opened(TENANTS, access(found, api_key=key.key_id).sealed("acme", request())) == {"prompt": "zebrafish"}


def test_nothing_is_sent_where_there_is_no_key_to_seal_to() -> None:
    gone = DataKeyDestroyed(tenant="acme", key_id=TENANTS.id, destroyed_at=AT)
    with pytest.raises(ConfigurationError, match="data-keys make --tenant acme"):
        access(facts(EncryptionMode.TENANT, issued(TENANTS), gone)).sealed("acme", request())


def test_others_send_as_they_wrote_it() -> None:
    body = request()
    assert access(facts(EncryptionMode.OFF, issued(TENANTS))).sealed("acme", body) is body
    assert access(facts(EncryptionMode.TENANT, issued(TENANTS))).sealed("zeta", body) is body


def test_the_last_word_on_who_encrypts_holds() -> None:
    found = facts(EncryptionMode.TENANT, issued(TENANTS))
    found.apply(b"acme/user/bo", b"{}")
    assert found.modes == {"acme": EncryptionMode.TENANT}
    found.apply(b"acme", None)
    assert found.modes == {}


async def test_an_answer_stays_sealed_until_its_opening_is_on_record() -> None:
    value = published(Answer("zebrafish", None, "stop"))
    assert b"zebrafish" not in value
    content = access(facts(EncryptionMode.TENANT, issued(TENANTS)), Held(TENANTS))
    assert content.opened(value) is value
    blind = access(facts(EncryptionMode.TENANT, issued(TENANTS)))
    await blind.allow(["acme"])  # nothing can be opened, so nothing is to be recorded and no broker is asked
    assert blind.opened(value) is value
    await content.allow(["zeta"])
    assert content.opened(value) is value


def test_a_result_is_opened_in_its_place() -> None:
    shown = opened_result(Held(TENANTS), orjson.loads(published(Answer("zebrafish", None, "stop"))))
    assert shown["output"] == {"content": "zebrafish", "finish_reason": "stop"}
    assert "sealed" not in shown
    failed = published(None, ProblemRecord("provider_refused", "zebrafish", "ask another way"))
    assert b"zebrafish" not in failed
    shown = opened_result(Held(TENANTS), orjson.loads(failed))
    assert (shown["error"]["message"], "output" in shown) == ("zebrafish", False)


def test_a_result_that_is_not_sealed_or_says_nothing_is_shown_as_it_is() -> None:
    for result in ({"id": "r-1"}, {"id": "r-1", "tenant": "acme", "sealed": {"key": TENANTS.id}}):
        assert opened_result(Held(TENANTS), result) == result


def test_an_erased_or_moved_result_does_not_open() -> None:
    result = orjson.loads(published(Answer("zebrafish", None, "stop")))
    with pytest.raises(ContentErased):
        opened_result(Held(), result)
    with pytest.raises(SealBroken):
        opened_result(Held(TENANTS), result | {"id": "r-2"})
