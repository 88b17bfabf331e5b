"""Who belongs to an organization and what holds for them: facts on the compacted topic `asahi.governance`.

The tenant is the organization: the unit of isolation and of the single writer. Below it are teams, users and keys.
The newest fact per message key holds, so each fact is complete; a message without value removes what it is about.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.model import Event, Name
from schemas.policy import Budget, Policy, Rates
from schemas.sealed import DataKeyId


class Scope(StrEnum):
    """What a key may be used for."""

    PRODUCER = "producer"
    CONSUMER = "consumer"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Governed(Event):
    """What facts about teams, users and keys have in common.

    Attributes:
        version: Of this contract.
        tenant: The organization.
        policy: What the scope may do.
        budgets: How much it may spend.
        rates: How fast it may go.
        changed_by: Who made this fact.
        reason: Why.
        changed_at: When.
    """

    tenant: Name
    policy: Policy = Policy()
    budgets: tuple[Budget, ...] = ()
    rates: Rates = Rates()
    changed_by: str | None = None
    reason: str | None = None
    changed_at: AwareDatetime | None = None


class TeamRegistered(Governed):
    """A team exists. Message key: `<tenant>/team/<team>`.

    Attributes:
        team: Its name within the organization.
    """

    team: Name


class UserRegistered(Governed):
    """A user exists. Message key: `<tenant>/user/<user>`.

    Attributes:
        user: Name within the organization; what a request's `user` says.
        team: The team whose budgets and limits hold as well.
    """

    user: Name
    team: Name | None = None


class KeyIssued(Governed):
    """A key exists, or what holds for it has changed. Message key: `<tenant>/key/<key_id>`.

    Attributes:
        key_id: Public part of the key; never used twice.
        user: Whose key it is; requests under it count as this user's.
        team: Whose key it is when it belongs to a team and to no user.
        scopes: What it may be used for.
        secret_hash: Keyed hash of the secret part, in hex.
        signing_key: The key of its signatures, wrapped by the key-encryption key, in base64.
        issued_at: When it was made.
        expires_at: From when on it is refused.
        revoked_at: From when on it is refused, whatever its expiry.
        replaces: The key it took the place of; both are good until the older expires.
    """

    key_id: Annotated[str, Field(pattern=r"^[a-z0-9]{8,32}$")]
    user: Name | None = None
    team: Name | None = None
    scopes: tuple[Scope, ...] = (Scope.PRODUCER,)
    secret_hash: str
    signing_key: str
    issued_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    replaces: str | None = None


class DataKeyIssued(Event):
    """A data key exists, to which producers may seal. Message key: `<tenant>/datakey/<key_id>`.

    Attributes:
        version: Of this contract.
        tenant: Whose content it encrypts.
        key_id: Named by what it encrypts; never used twice.
        user: Whose content within the tenant; absent for a key of the whole tenant.
        public_key: The X25519 public key to seal to, in base64.
        issued_at: When it was made; the newest of a scope is the one to seal to.
        changed_by: Who made it.
        reason: Why.
    """

    tenant: Name
    key_id: DataKeyId
    user: str | None = None
    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    issued_at: AwareDatetime
    changed_by: str | None = None
    reason: str | None = None


class DataKeyDestroyed(Event):
    """A data key was destroyed, and what it encrypted is erased. Takes the place of `DataKeyIssued` under its key.

    Attributes:
        version: Of this contract.
        tenant: Whose content it encrypted.
        key_id: The key.
        user: Whose content within the tenant; absent for a key of the whole tenant.
        destroyed_at: When.
        changed_by: Who destroyed it.
        reason: Why.
    """

    tenant: Name
    key_id: DataKeyId
    user: str | None = None
    destroyed_at: AwareDatetime
    changed_by: str | None = None
    reason: str | None = None


class CacheEvicted(Event):
    """Answers are taken out of the cache, and those made until then never come back.

    Attributes:
        version: Of this contract.
        tenant: Whose answers.
        selector: Which of them, as the message key names it: `request-` and the id of the request that had it,
            `model-` and the model that gave it, or `all`.
        evicted_at: Answers that were made until then are meant.
        changed_by: Who evicted them.
        reason: Why.
    """

    tenant: Name
    selector: Annotated[str, Field(pattern=r"^(all|(request|model)-[\x21-\x7e]+)$")]
    evicted_at: AwareDatetime
    changed_by: str | None = None
    reason: str | None = None
