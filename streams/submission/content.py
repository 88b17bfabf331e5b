"""Content of tenants that encrypt, at the producer's end: sealed before it is sent, opened when the answer comes.

Sealing needs only the public facts on `asahi.governance`. Opening needs the vault; who has none gets the results as
they are on the log. What is opened is on record first, once per tenant.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson
from pydantic import ValidationError

from schemas.errors import AsahiError, ConfigurationError
from schemas.governance import KeyIssued
from schemas.policy import EncryptionMode
from schemas.settings import KafkaSettings
from schemas.tenant import TenantRegistered
from schemas.wire import SealedRecord
from streams.audits import access_audit, record
from streams.sealing.codec import ContentKeys, opened_output
from streams.sealing.facts import DataKeyFacts, Scope, is_data_key
from streams.sealing.requests import RequestSealer
from streams.tail import read_tail
from streams.topics import GOVERNANCE

SEALED_MARK = b'"sealed":'
OPENED = "results_opened"
API_KEY = "key"
"""What stands between tenant and id in the message key of an API key's fact."""


class SealingFacts:
    """What the log says of who encrypts, and to which keys to seal.

    Attributes:
        modes: By tenant, of those who encrypt.
        keys: The data keys.
        users: By tenant and id of an API key, its user, where it has one.
    """

    def __init__(self) -> None:
        self.modes: dict[str, EncryptionMode] = {}
        self.keys = DataKeyFacts()
        self.users: dict[tuple[str, str], str] = {}

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one message; what is none of this is passed over."""
        name = (key or b"").decode(errors="replace")
        if is_data_key(name):
            self.keys.apply(name, value)
        elif name.split("/")[1:2] == [API_KEY]:
            tenant, _, key_id = name.split("/", 2)
            user = None if value is None else _user(value)
            self.users.pop((tenant, key_id), None)
            if user is not None:
                self.users[tenant, key_id] = user
        elif "/" not in name:
            self.modes.pop(name, None)
            mode = None if value is None else _mode(value)
            if mode not in (None, EncryptionMode.OFF):
                self.modes[name] = mode


async def read_sealing_facts(kafka: KafkaSettings) -> SealingFacts:
    """Return what the log says now.

    Raises:
        BrokerUnavailable: No broker answers.
    """
    facts = SealingFacts()
    async for records in read_tail(kafka, {(GOVERNANCE.name, 0): 0}):
        for one in records:
            facts.apply(one.key, one.value)
    return facts


class ContentAccess:
    """What one command may do with content.

    Args:
        kafka: How the broker is reached, for the audit.
        facts: Who encrypts.
        keys: The data keys within reach; None when there is no vault.
        subject: What the audit says was opened, e.g. a submission.
        api_key: Id of the API key that signs what is sent: its user is the user of requests that name none.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        facts: SealingFacts,
        keys: ContentKeys | None,
        subject: str,
        api_key: str | None = None,
    ) -> None:
        self._api_key = api_key
        self._kafka = kafka
        self._facts = facts
        self._keys = keys
        self._subject = subject
        self._sealers: dict[Scope, RequestSealer] = {}
        self._allowed: set[str] = set()

    def sealed(self, tenant: str, body: bytes) -> bytes:
        """Return a request as it is sent.

        Raises:
            ConfigurationError: Its tenant encrypts, and there is no key to seal to.
        """
        mode = self._facts.modes.get(tenant)
        if mode is None:
            return body
        request = orjson.loads(body)
        user = self._user_of(tenant, request) if mode is EncryptionMode.USER else None
        return orjson.dumps(self._sealer(tenant, user).seal(request))

    async def allow(self, tenants: Iterable[str]) -> None:
        """Put on record, once each, that answers of these tenants are opened; where nothing can be, nothing is."""
        fresh = {one for one in tenants if one in self._facts.modes} - self._allowed
        if not fresh or self._keys is None:
            return
        reason = "answers to one's own requests"
        audits = [access_audit(OPENED, self._subject, tenant=one, reason=reason) for one in sorted(fresh)]
        await record(self._kafka, audits)
        self._allowed |= fresh

    def opened(self, value: bytes) -> bytes:
        """Return a result with its answer, or as it is where that may or can not be opened."""
        if SEALED_MARK not in value or self._keys is None:
            return value
        result: dict[str, Any] = orjson.loads(value)
        if result.get("tenant") not in self._allowed:
            return value
        try:
            return orjson.dumps(opened_result(self._keys, result))
        except AsahiError:
            return value  # erased, or of another vault: it stays what it is

    def _user_of(self, tenant: str, request: dict[str, Any]) -> str | None:
        """Return a request's user as the workers will see it."""
        named: str | None = request.get("user")
        if named is not None or self._api_key is None:
            return named
        return self._facts.users.get((tenant, self._api_key))

    def _sealer(self, tenant: str, user: str | None) -> RequestSealer:
        sealer = self._sealers.get((tenant, user))
        if sealer is None:
            fact = self._facts.keys.newest(tenant, user)
            if fact is None:
                whose = "" if user is None else f" --user {user}"
                raise ConfigurationError(
                    f"tenant {tenant} encrypts{'' if user is None else ' by user'}, and there is no data key to seal "
                    f"to; make one with `asahi governance data-keys make --tenant {tenant}{whose}`"
                )
            sealer = self._sealers[tenant, user] = RequestSealer(fact.key_id, b64decode(fact.public_key))
        return sealer


def opened_result(keys: ContentKeys, result: dict[str, Any]) -> dict[str, Any]:
    """Return a published result with what was sealed in it in its place; one that is not sealed as it is.

    Raises:
        ContentErased: The data key was destroyed.
        SealBroken: It was changed, or belongs to another request.
    """
    sealed = result.get("sealed")
    if sealed is None:
        return result
    said = opened_output(keys, result["tenant"], result["id"], SealedRecord(sealed["key"], sealed.get("content")))
    if said is None:
        return result
    opened = {name: value for name, value in result.items() if name != "sealed"}
    if said.output is not None:
        opened["output"] = msgspec.to_builtins(said.output)
    if said.error_message is not None and opened.get("error"):
        opened["error"] = opened["error"] | {"message": said.error_message}
    return opened


def _user(value: bytes) -> str | None:
    try:
        return KeyIssued.model_validate_json(value).user
    except ValidationError:
        return None


def _mode(value: bytes) -> EncryptionMode | None:
    try:
        return TenantRegistered.model_validate_json(value).policy.encryption
    except ValidationError:
        return None
