"""A tenant that encrypts, for tests of the whole pipeline."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from agents.governance.encryption.configured import required_data_keys
from agents.governance.encryption.keyring import DataKeys
from schemas.governance import DataKeyIssued
from schemas.policy import EncryptionMode, PersonalDataMode, Policy
from schemas.settings import GovernanceSettings
from schemas.tenant import TenantRegistered
from streams.sealing.envelope import ContentKey
from streams.sealing.facts import data_key_place
from streams.sealing.requests import RequestSealer
from streams.submission.content import opened_result
from streams.topics import COMPLETIONS, DEADLETTER, DISPATCH, RESULTS
from tests.pipeline.echo import Echo
from tests.pipeline.rig import TENANTS, Rig, settings

MASTER = SecretStr(b64encode(bytes(range(32))).decode())


class Scene:
    """A tenant that encrypts, with one data key, beside one that does not.

    Attributes:
        folder: Of the vault.
        key: The tenant's first data key.
        echo: Answers everything.
    """

    def __init__(
        self,
        folder: Path,
        mode: EncryptionMode = EncryptionMode.TENANT,
        personal: PersonalDataMode | None = None,
        **sections: Any,
    ) -> None:
        self.folder = folder
        given = {"vault_dir": folder, "master_key": MASTER, **sections.pop("governance", {})}
        self.governance = GovernanceSettings(**given)
        self.keys: DataKeys = required_data_keys(self.governance)
        self.echo = Echo()
        policy = Policy(encryption=mode, personal_data=personal)
        tenant = TenantRegistered(tenant="acme", reference_model="big", policy=policy)
        self.rig = Rig(
            settings(governance=self.governance, **sections),
            providers={"east": self.echo},
            tenants=(tenant, *(one for one in TENANTS if one.tenant != "acme")),
        )
        self._sealers: dict[str, RequestSealer] = {}
        self.key = self.make(1.0)

    def make(self, now: float, user: str | None = None) -> ContentKey:
        """Make a data key, and tell it."""
        key = self.keys.make("acme", user, now)
        public = self.keys.opener("acme", key.id).public_key
        self._sealers[key.id] = RequestSealer(key.id, public)
        fact = DataKeyIssued(
            tenant="acme",
            key_id=key.id,
            user=user,
            public_key=b64encode(public).decode(),
            issued_at=datetime.fromtimestamp(now, UTC),
        )
        place = data_key_place("acme", key.id)
        self.rig.facts = [*self.rig.facts, (place, fact.model_dump_json(exclude_none=True).encode())]
        return key

    def sealed(self, request: bytes, key: ContentKey | None = None) -> bytes:
        """Return a request as a producer seals it."""
        sealer = self._sealers[(key or self.key).id]
        return msgspec.json.encode(sealer.seal(msgspec.json.decode(request)))

    def opened(self, name: str) -> dict[str, Any]:
        """Return a result as one who holds the keys reads it."""
        return opened_result(required_data_keys(self.governance), self.rig.results()[name][0])

    def statuses(self) -> dict[str, str]:
        """Return the status of every request; one that came again may have its result again, and no other one."""
        found = {}
        for name, (first, *again) in self.rig.results().items():
            assert all(one == first for one in again)
            found[name] = first["status"]
        return found

    def everything(self) -> bytes:
        """Return all that the topics hold."""
        topics = (DISPATCH, COMPLETIONS, RESULTS, DEADLETTER)
        return b"".join(record.value or b"" for topic in topics for record in self.rig.broker.topic(topic.name))
