"""The entrances as the settings say, for the composition root."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agents.governance.keys import KeyRing
from agents.governance.registry import Registry
from agents.governance.secrets import Purpose, load_master_key, require_master_key
from agents.governance.signatures.entrance import GuardedEntrance, OpenEntrance
from agents.governance.signatures.verifier import Verifier
from schemas.settings import Settings, Signatures
from streams.envelope import Publication
from streams.records import Record
from streams.vouchers import Vouching

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entrances:
    """What the partitions of one worker share.

    Attributes:
        make: Makes the entrance of a partition.
        forward: Makes a message of one request of another: of that one, its body, the new message key, and the time.
    """

    make: Callable[[], GuardedEntrance | OpenEntrance]
    forward: Callable[[Record, bytes, bytes, float], Publication]


def configured_entrances(settings: Settings, registry: Registry) -> Entrances:
    """Return the entrances; what they let in unproven is said aloud.

    Args:
        settings: The configuration.
        registry: The keys; filled later.

    Raises:
        ConfigurationError: Signatures are to be checked, and there is no master key.
    """
    governance = settings.governance
    if governance.signatures is not Signatures.REQUIRED:
        logger.warning(
            "UNSIGNED MODE: whoever can write to asahi.requests can send requests as any tenant; "
            "set governance.signatures to required wherever that matters",
            extra={"signatures": governance.signatures.value},
        )
    required = governance.signatures is Signatures.REQUIRED
    master = None if governance.signatures is Signatures.OFF else load_master_key(governance)
    if master is None and required:
        master = require_master_key(governance, "governance.signatures: required")
    if master is None:  # where it is optional and there is none, no key was ever issued here
        return Entrances(lambda: OpenEntrance(settings.intake), _as_it_is)
    vouching = Vouching(master.subkey(Purpose.VOUCHERS))
    verifier = Verifier(registry, KeyRing(master), vouching, governance.clock_skew_seconds)
    return Entrances(
        lambda: GuardedEntrance(settings.intake, verifier, registry, required=required),
        vouching.vouched,
    )


def _as_it_is(original: Record, body: bytes, key: bytes, now: float) -> Publication:
    """Return part of a message as a message of its own, with the same headers."""
    del now
    return Publication(body, key, list(original.headers))
