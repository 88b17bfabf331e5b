"""Making data keys: kept in the vault first, then told on `asahi.governance`, each on record before it is told."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from pydantic import BaseModel

from agents.governance.change import Change, Who
from agents.governance.encryption.configured import required_data_keys
from agents.governance.encryption.keyring import DataKeys
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind, Place
from schemas.governance import DataKeyIssued, UserRegistered
from schemas.policy import EncryptionMode
from schemas.settings import Settings
from schemas.tenant import TenantRegistered
from schemas.wire import AuditRecord
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.sealing.facts import Scope, data_key_place
from streams.topics import AUDIT, DATA_KEYS, GOVERNANCE, Topic

ISSUED = "data_key_issued"

_json = msgspec.json.Encoder()


async def issue(settings: Settings, keys: DataKeys, scopes: Iterable[Scope], who: Who) -> list[DataKeyIssued]:
    """Make the newest data key of each scope; return their facts.

    Raises:
        BrokerUnavailable: No broker answers.
    """
    facts = []
    async with Outbox(settings.kafka) as outbox:
        for tenant, user in scopes:
            now = datetime.now(UTC)
            key = keys.make(tenant, user, now.timestamp())
            public = b64encode(keys.opener(tenant, key.id).public_key).decode()
            fact = DataKeyIssued(
                tenant=tenant,
                key_id=key.id,
                user=user,
                public_key=public,
                issued_at=now,
                changed_by=who.actor,
                reason=who.reason,
            )
            await publish_audits(outbox, settings, [data_key_audit(ISSUED, tenant, key.id, user, who, now)])
            await outbox.publish(GOVERNANCE.name, 0, [fact_event(DATA_KEYS, tenant, key.id, fact, now)])
            facts.append(fact)
    return facts


async def issue_missing(settings: Settings, registry: Registry, changes: Sequence[Change], who: Who) -> None:
    """Before an organization encrypts, make the keys that its producers will seal to.

    Raises:
        ConfigurationError: No vault is configured.
    """
    scopes = [scope for scope in _needed(registry, changes) if registry.data_keys.newest(scope[0], scope[1]) is None]
    if scopes:
        await issue(settings, required_data_keys(settings.governance), dict.fromkeys(scopes), who)


def _needed(registry: Registry, changes: Sequence[Change]) -> list[Scope]:
    modes = {
        change.after.tenant: change.after.policy.encryption
        for change in changes
        if isinstance(change.after, TenantRegistered)
    }
    needed: list[Scope] = []
    for tenant, mode in modes.items():
        if mode in (EncryptionMode.TENANT, EncryptionMode.USER):
            needed.append((tenant, None))
        if mode is EncryptionMode.USER:
            needed += [(tenant, user.user) for user in registry.users(tenant)]
    for change in changes:
        if isinstance(change.after, UserRegistered):
            tenant = change.after.tenant
            known = registry.get(tenant)
            if modes.get(tenant, None if known is None else known.policy.encryption) is EncryptionMode.USER:
                needed.append((tenant, change.after.user))
    return needed


def about(tenant: str) -> Change:
    """Return what a command does as a change, for the check that whoever does it may."""
    return Change(Place(Kind.TENANT, tenant, tenant), None, None, ISSUED)


def data_key_audit(action: str, tenant: str, key_id: str, user: str | None, who: Who, now: datetime) -> AuditRecord:
    """Return the audit record of what is done to a data key; its id repeats when it is done again."""
    whose = "the whole tenant" if user is None else f"user {user}"
    return AuditRecord(
        id=f"{action}/{tenant}/{key_id}",
        actor=who.actor,
        action=action,
        subject=f"{tenant}/datakey/{key_id}",
        outcome="applied",
        reason=f"{who.reason} (of {whose})",
        occurred_at=now,
        tenant=tenant,
    )


async def publish_audits(outbox: Outbox, settings: Settings, audits: Sequence[AuditRecord]) -> None:
    """Make audit records durable."""
    for audit in audits:
        event = cloud_event(AUDIT, audit.id, audit.tenant, audit.occurred_at, _json.encode(audit))
        await outbox.publish(AUDIT.name, home_partition(audit.tenant or "", settings.kafka.partitions), [event])


def fact_event(topic: Topic, tenant: str, key_id: str, fact: BaseModel, now: datetime) -> Publication:
    """Return a fact about a data key as a message of `asahi.governance`."""
    place = data_key_place(tenant, key_id)
    value = fact.model_dump_json(exclude_none=True).encode()
    return cloud_event(topic, f"{place.decode()}/{now.isoformat()}", tenant, now, value, key=place)
