"""Erasure: destroy the keys of a scope, then prove it by trying to read what they encrypted.

Destroying is one step, and the proof another that can be repeated: it is given the bytes of every place where copies
may lie, looks for whatever names a destroyed key, tries to open it, and looks for plaintext that is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec

from agents.governance.encryption.keyring import DataKeys
from agents.governance.encryption.vault import KeyVault
from streams.sealing.binding import ContentErased
from streams.sealing.envelope import MAGIC


class Searched(msgspec.Struct, kw_only=True):
    """What was found in one place.

    Attributes:
        place: Its name, e.g. a topic or a table.
        items: Pieces of it that were looked at.
        bytes: Their size.
        sealed: Times a destroyed key is named by something sealed.
        readable: How many of these have a key after all.
        probes: Times known plaintext was found.
    """

    place: str
    items: int = 0
    bytes: int = 0
    sealed: int = 0
    readable: int = 0
    probes: int = 0


class ErasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What erasing a scope found.

    Attributes:
        tenant: Whose content.
        user: Whose within the tenant; None for everybody's.
        keys: Ids of the keys of the scope that are destroyed, now or before.
        searched: Each place that was looked at.
    """

    tenant: str
    user: str | None
    keys: tuple[str, ...]
    searched: tuple[Searched, ...]

    @property
    def proven(self) -> bool:
        """Whether something was searched, nothing opened, and no known plaintext was found."""
        return bool(self.searched) and not any(place.readable or place.probes for place in self.searched)


def destroy_scope(keys: DataKeys, vault: KeyVault, tenant: str, user: str | None = None) -> tuple[str, ...]:
    """Destroy every key of a user, or of a tenant with all its users; return the ids that were there.

    Run twice it returns nothing the second time and harms nothing, so it is repeated after a crash.
    """
    doomed = [key.id for key in vault.list(tenant) if user is None or key.user == user]
    for key_id in doomed:
        keys.destroy(tenant, key_id)
    return tuple(doomed)


def search(
    keys: DataKeys, tenant: str, destroyed: Sequence[str], place: str, items: Iterable[bytes], probes: Sequence[str]
) -> Searched:
    """Look through one place.

    Args:
        keys: Tries to open what is found, as any worker would.
        tenant: Whose keys were destroyed.
        destroyed: Ids of these keys.
        place: Its name.
        items: The bytes of each piece, uncompressed; nothing is found in what is compressed.
        probes: Plaintext that must not be there.
    """
    found = Searched(place=place)
    needles = [needle for probe in probes for needle in _spellings(probe)]
    marks = [(key_id, (MAGIC + bytes.fromhex(key_id), key_id.encode())) for key_id in destroyed]
    readable = {key_id for key_id in destroyed if _has_key(keys, tenant, key_id)}
    for item in items:
        found.items += 1
        found.bytes += len(item)
        found.probes += sum(item.count(needle) for needle in needles)
        for key_id, forms in marks:
            named = sum(item.count(form) for form in forms)
            found.sealed += named
            found.readable += named if key_id in readable else 0
    return found


def _has_key(keys: DataKeys, tenant: str, key_id: str) -> bool:
    """Try to get a key; whatever fails otherwise than because it is erased proves nothing, and is raised."""
    try:
        keys.key(tenant, key_id)
    except ContentErased:
        return False
    return True


def _spellings(probe: str) -> set[bytes]:
    """Return the ways a text may be written: as it is, and in JSON with and without escapes of what is not ASCII."""
    escaped = (json.dumps(probe, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    return {text.encode() for text in (probe, *escaped) if text}
