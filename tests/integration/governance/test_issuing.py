"""Data keys are on record before they are told, made where a policy will need them, and found in every topic."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import orjson
import pytest
from pydantic import SecretStr

from agents.governance.change import Change, Who, change_to
from agents.governance.commands.log import read_registry
from agents.governance.encryption import places
from agents.governance.encryption.configured import required_data_keys
from agents.governance.encryption.issuing import issue, issue_missing
from agents.governance.registry import Registry
from agents.governance.registry.places import Fact
from schemas.errors import ConfigurationError
from schemas.governance import DataKeyIssued, UserRegistered
from schemas.policy import EncryptionMode, Policy
from schemas.result import Status
from schemas.settings import GovernanceSettings, KafkaSettings, Settings
from schemas.tenant import TenantRegistered
from schemas.wire import Answer, ResultRecord, SealedRecord
from streams.admin import ensure_topics
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.sealing.codec import ContentCodec
from streams.submission.content import ContentAccess, read_sealing_facts
from streams.tail import read_tail
from streams.topics import AUDIT, DATA_KEYS, DEADLETTER, GOVERNANCE

WHO = Who("noor", "a contract")


@pytest.fixture
async def settings(embedded_broker: str, tmp_path: Path) -> Settings:
    master = SecretStr(b64encode(bytes(range(32))).decode())
    governance = GovernanceSettings(master_key=master, vault_dir=tmp_path / "vault")
    made = Settings(kafka=KafkaSettings(bootstrap=embedded_broker, idempotent_producer=False), governance=governance)
    await ensure_topics(made)
    return made


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex[:8]}"


def organization(tenant: str, mode: EncryptionMode) -> TenantRegistered:
    return TenantRegistered(tenant=tenant, reference_model="big", policy=Policy(encryption=mode))


def change(fact: Fact) -> Change:
    made = change_to(fact, None)
    assert made is not None
    return made


async def audits(settings: Settings, tenant: str) -> list[dict[str, Any]]:
    starts = {(AUDIT.name, partition): 0 for partition in range(settings.kafka.partitions)}
    told = [orjson.loads(one.value or b"") async for found in read_tail(settings.kafka, starts) for one in found]
    return [one for one in told if one.get("tenant") == tenant]


async def scopes(settings: Settings, tenant: str) -> list[str | None]:
    registry = await read_registry(settings)
    return [fact.user for fact in registry.data_keys.of(tenant) if isinstance(fact, DataKeyIssued)]


async def test_what_is_issued_is_in_the_vault_on_record_and_on_the_log(settings: Settings, tenant: str) -> None:
    keys = required_data_keys(settings.governance)
    facts = await issue(settings, keys, [(tenant, None), (tenant, "amara")], WHO)
    registry = await read_registry(settings)
    assert list(registry.data_keys.of(tenant)) == facts
    for fact in facts:
        public = required_data_keys(settings.governance).opener(tenant, fact.key_id).public_key
        assert fact.public_key == b64encode(public).decode()
        assert (fact.changed_by, fact.reason) == WHO
    told = {one["subject"]: one["reason"] for one in await audits(settings, tenant)}
    assert told == {
        f"{tenant}/datakey/{facts[0].key_id}": "a contract (of the whole tenant)",
        f"{tenant}/datakey/{facts[1].key_id}": "a contract (of user amara)",
    }


async def test_a_policy_that_needs_keys_is_refused_where_there_is_no_vault_for_them(
    tmp_path: Path, tenant: str
) -> None:
    governance = GovernanceSettings(vault_dir=tmp_path / "vault")  # and nothing that wraps keys
    nowhere = Settings(kafka=KafkaSettings(bootstrap="127.0.0.1:1"), governance=governance)
    changes = [change(organization(tenant, EncryptionMode.TENANT))]
    with pytest.raises(ConfigurationError, match=r"governance\.vault_dir"):
        await issue_missing(nowhere, Registry(), changes, WHO)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (EncryptionMode.OFF, []),
        (EncryptionMode.TENANT, [None]),
        (EncryptionMode.USER, [None, "amara", "ben"]),
    ],
)
async def test_a_policy_gets_the_keys_it_needs_and_each_once(
    settings: Settings, tenant: str, mode: EncryptionMode, expected: list[str | None]
) -> None:
    registry = Registry()
    registry.register(organization(tenant, EncryptionMode.OFF))
    registry.register(UserRegistered(tenant=tenant, user="amara"))
    changes = [change(organization(tenant, mode)), change(UserRegistered(tenant=tenant, user="ben"))]
    await issue_missing(settings, registry, changes, WHO)
    assert await scopes(settings, tenant) == expected
    await issue_missing(settings, await read_registry_with(settings, registry, tenant), changes, WHO)
    assert await scopes(settings, tenant) == expected


async def read_registry_with(settings: Settings, registry: Registry, tenant: str) -> Registry:
    """Return a registry that knows the data keys on the log too."""
    async for found in read_tail(settings.kafka, {(GOVERNANCE.name, 0): 0}):
        for one in found:
            if (one.key or b"").startswith(f"{tenant}/".encode()):
                registry.apply(one.key, one.value)
    return registry


async def test_a_new_user_of_an_organization_that_encrypts_by_user_gets_a_key(
    settings: Settings, tenant: str
) -> None:
    registry = Registry()
    registry.register(organization(tenant, EncryptionMode.USER))
    await issue_missing(settings, registry, [change(UserRegistered(tenant=tenant, user="ben"))], WHO)
    assert await scopes(settings, tenant) == ["ben"]
    registry.register(organization(tenant, EncryptionMode.TENANT))
    await issue_missing(settings, registry, [change(UserRegistered(tenant=tenant, user="cleo"))], WHO)
    assert await scopes(settings, tenant) == ["ben"]


async def test_answers_are_opened_once_that_is_on_record(settings: Settings, tenant: str) -> None:
    keys = required_data_keys(settings.governance)
    (fact,) = await issue(settings, keys, [(tenant, None)], WHO)
    async with Outbox(settings.kafka) as outbox:
        told = organization(tenant, EncryptionMode.TENANT).model_dump_json().encode()
        await outbox.publish(GOVERNANCE.name, 0, [Publication(told, tenant.encode())])
    at = datetime.now(UTC)
    answer, seal = Answer("zebrafish", None, "stop"), SealedRecord(fact.key_id)
    result = ResultRecord("r-1", Status.COMPLETED, "0", at, at, tenant, output=answer, sealed=seal)
    value = msgspec.json.encode(ContentCodec(keys).sealed_result(result))
    content = ContentAccess(settings.kafka, await read_sealing_facts(settings.kafka), keys, "a submission")
    assert content.opened(value) == value
    await content.allow([tenant, tenant])
    await content.allow([tenant])
    assert orjson.loads(content.opened(value))["output"]["content"] == "zebrafish"
    (opened,) = [one for one in await audits(settings, tenant) if one["action"] == "results_opened"]
    assert opened["subject"] == "a submission"
    keys.destroy(tenant, fact.key_id)
    assert content.opened(value) == value


@pytest.mark.parametrize("kept", ["abc", "A"])
async def test_topics_are_searched_whatever_somebody_wrote_into_them(
    settings: Settings, tenant: str, kept: str
) -> None:
    needle = f"zebrafish of {tenant}".encode()
    letter = orjson.dumps({"id": tenant, "value_base64": b64encode(needle).decode()})
    broken = orjson.dumps({"id": tenant, "value_base64": kept})
    async with Outbox(settings.kafka) as outbox:
        headers = [("ce_id", needle)]
        for value in (broken, letter):
            await outbox.publish(DEADLETTER.name, 0, [Publication(value, tenant.encode())])
        await outbox.publish(DATA_KEYS.name, 0, [Publication(b"{}", tenant.encode(), headers)])
    hits = [
        (topic.name, needle in value)
        async for topic, values in places.topics(settings.kafka)
        for value in values
        if tenant.encode() in value
    ]
    assert sorted(hits) == [(DEADLETTER.name, False), (DEADLETTER.name, True), (GOVERNANCE.name, True)]
