"""Data keys in the hands of one process: unwrapped when first needed, held in bounds, dropped when destroyed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from agents.governance.encryption.vault import (
    KeyVault,
    VaultError,
    VaultUnavailable,
    WrappedKey,
    data_key_binding,
    wrapped_text,
)
from agents.governance.encryption.wrapping import KeyEncryptionKeys
from schemas.errors import ConfigurationError, KeyOutOfReach
from streams.sealing.binding import ContentErased
from streams.sealing.envelope import ID_BYTES, KEY_BYTES, ContentKey, key_id_of
from streams.sealing.requests import RequestOpener

HELD_KEYS = 4_096


class _Held(NamedTuple):
    content: ContentKey
    opener: RequestOpener
    user: str | None


class DataKeys:
    """The data keys a process may use.

    Args:
        vault: Keeps them wrapped.
        wrapping: Unwraps them.
        random: Returns so many random bytes.
        held: Most keys held unwrapped; the least recently used is dropped first.
        issued: Whether the log says that there is such a key, by tenant and id. Then a vault that does not give it
            is broken, and not right.
    """

    def __init__(
        self,
        vault: KeyVault,
        wrapping: KeyEncryptionKeys,
        random: Callable[[int], bytes] = os.urandom,
        held: int = HELD_KEYS,
        issued: Callable[[str, str], bool] = lambda tenant, key_id: False,
    ) -> None:
        self._issued = issued
        self._vault = vault
        self._wrapping = wrapping
        self._random = random
        self._most = held
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self._destroyed: set[str] = set()

    def make(self, tenant: str, user: str | None, now: float) -> ContentKey:
        """Make a new data key, which is the newest of its scope from now on; kept durably on return."""
        key_id, root = self._random(ID_BYTES).hex(), self._random(KEY_BYTES)
        wrapped = self._wrapping.newest.wrap(root, data_key_binding(tenant, user, key_id))
        newest = self._wrapping.newest.name
        self._vault.put(
            WrappedKey(
                id=key_id,
                tenant=tenant,
                user=user,
                wrapped_by=newest,
                wrapped=wrapped_text(wrapped),
                created_at=now,
            )
        )
        return self.key(tenant, key_id)

    def newest(self, tenant: str, user: str | None) -> WrappedKey | None:
        """Return the key that encrypts for a scope, or None when it has none: only one's own, never a wider one's."""
        own = [key for key in self._vault.list(tenant) if key.user == user]
        return own[-1] if own else None

    def key(self, tenant: str, key_id: str) -> ContentKey:
        """Return a key of this tenant.

        Raises:
            ContentErased: It was destroyed.
            KeyOutOfReach: It cannot be had at the moment.
            VaultError: It is not in the vault, and nothing says that it should be.
            ConfigurationError: What wrapped it is not configured, and nothing says that it should be.
        """
        return self._unwrapped(tenant, key_id).content

    def opener(self, tenant: str, key_id: str) -> RequestOpener:
        """Return what opens requests sealed to a key; raises as `key` does."""
        return self._unwrapped(tenant, key_id).opener

    def user_of(self, tenant: str, key_id: str) -> str | None:
        """Return whose key it is, None for one of the whole tenant; raises as `key` does."""
        return self._unwrapped(tenant, key_id).user

    def open(self, envelope: bytes, tenant: str, bound: bytes) -> bytes:
        """Return the content of an envelope of this tenant.

        Raises:
            ContentErased: Its key was destroyed.
            SealBroken: It was changed, or belongs to something else.
            VaultError: Its key is not one of this tenant.
        """
        return self.key(tenant, key_id_of(envelope)).open(envelope, bound)

    def drop(self, tenant: str, key_id: str) -> None:
        """Forget a key that was destroyed elsewhere, for good: it is not read from the vault again."""
        self._destroyed.add(key_id)
        self._held.pop((tenant, key_id), None)

    def destroy(self, tenant: str, key_id: str) -> None:
        """Destroy a key in the vault, and forget it."""
        self._vault.destroy(tenant, key_id)
        self.drop(tenant, key_id)

    def rewrap(self) -> int:
        """Wrap every key anew that an older key-encryption key wraps; return how many. Nothing else is rewritten."""
        newest, count = self._wrapping.newest, 0
        for key in self._vault.list():
            if key.wrapped_by == newest.name:
                continue
            wrapped = newest.wrap(self._wrapping.unwrap(key), key.bound())
            self._vault.replace(
                WrappedKey(
                    id=key.id,
                    tenant=key.tenant,
                    user=key.user,
                    wrapped_by=newest.name,
                    wrapped=wrapped_text(wrapped),
                    created_at=key.created_at,
                )
            )
            count += 1
        return count

    def _unwrapped(self, tenant: str, key_id: str) -> _Held:
        if key_id in self._destroyed:
            raise ContentErased(key_id)
        held = self._held.get((tenant, key_id))
        if held is None:
            wrapped, root = self._fetched(tenant, key_id)
            key = ContentKey(key_id, root, self._random)
            held = self._held[tenant, key_id] = _Held(key, RequestOpener(key), wrapped.user)
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end((tenant, key_id))
        return held

    def _fetched(self, tenant: str, key_id: str) -> tuple[WrappedKey, bytes]:
        """Return a key as the vault has it, and its material."""
        try:
            wrapped = self._vault.get(tenant, key_id)
            return wrapped, self._wrapping.unwrap(wrapped)
        except VaultUnavailable as away:
            raise KeyOutOfReach(tenant, key_id, str(away)) from away
        except (VaultError, ConfigurationError) as wrong:
            if self._issued(tenant, key_id):
                raise KeyOutOfReach(tenant, key_id, str(wrong)) from wrong
            raise
