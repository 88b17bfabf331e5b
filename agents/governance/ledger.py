"""Which requests of one partition are known, so that each is answered once however often it is delivered."""

from __future__ import annotations

from streams.outcomes import Conflict, Done, InFlight, New, Standing

HASH_MASK = (1 << 64) - 1
OFFSET_BITS = 64
OFFSET_MASK = (1 << OFFSET_BITS) - 1


_NEW, _IN_FLIGHT, _CONFLICT = New(), InFlight(), Conflict()


class Ledger:
    """The known request ids of one partition, with the digest of what was asked and where the result is.

    Ids in flight are all kept; how many there are is bounded by what a worker may hold. Of the ended ones at most
    `known_ids` are kept and at least the newest half of that: they live in two generations, and when the young one
    is full the old one is dropped in one go, which no single eviction has to pay for.

    An ended id costs 130 bytes: its 64-bit hash, and one integer with the digest's 64-bit hash and the offset.
    Python's own string hash (SipHash under a key drawn per process) serves, since nothing outlives the process and
    nobody outside can aim for collisions. With 200,000 ids known, a new id meets the hash of another with a
    probability of 200,000 / 2^64, about 1e-14: at 10,000 requests per second once in three centuries. It is then
    taken for a `Conflict`; to be taken for `Done` its digest must collide as well, one chance in 2^64 more.

    Keys are whatever tells requests apart: an id together with the tenant within which it is unique.

    Args:
        known_ids: Most ended ids to remember.
    """

    def __init__(self, known_ids: int) -> None:
        self._generation_size = max(1, known_ids // 2)
        self._in_flight: dict[str, str] = {}
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._in_flight) + len(self._young) + len(self._old)

    def admit(self, key: str, digest: str) -> Standing:
        """Say how a request stands, and take it as in flight when it is new.

        Args:
            key: The request's tenant and id.
            digest: Of what it asks for.
        """
        under_way = self._in_flight.get(key)
        if under_way is not None:
            return _IN_FLIGHT if under_way == digest else _CONFLICT
        entry = self._ended(key)
        if entry is None:
            self._in_flight[key] = digest
            return _NEW
        if entry >> OFFSET_BITS != _short(digest):
            return _CONFLICT
        return Done(entry & OFFSET_MASK)

    def known(self, key: str) -> InFlight | Done | None:
        """Say how a request stands by its id alone, where nobody can say what it asks; None for a new one."""
        if key in self._in_flight:
            return _IN_FLIGHT
        entry = self._ended(key)
        return None if entry is None else Done(entry & OFFSET_MASK)

    def in_flight(self, key: str, digest: str) -> None:
        """Record at recovery that a request is under way; one that has ended stays so."""
        if not self.has_ended(key):
            self._in_flight[key] = digest

    def ended(self, key: str, digest: str, offset: int) -> None:
        """Record that a request has its result; of several results the first counts.

        Args:
            key: The request's tenant and id.
            digest: Of what it asked for.
            offset: Of its result in `asahi.results`, in the partition of the same number.
        """
        self._in_flight.pop(key, None)
        if self.has_ended(key):
            return
        if len(self._young) >= self._generation_size:
            self._young, self._old = {}, self._young
        self._young[hash(key)] = _short(digest) << OFFSET_BITS | offset

    def has_ended(self, key: str) -> bool:
        """Return whether the request is known to have its result."""
        short = hash(key)
        return short in self._young or short in self._old

    def make_room(self, count: int) -> None:
        """Remember at least this many of the newest results from now on: as many as may be asked for again."""
        self._generation_size = max(self._generation_size, count)

    def forget(self, key: str) -> None:
        """Forget a request, so that the next one under this key is new."""
        self._in_flight.pop(key, None)
        self._young.pop(hash(key), None)
        self._old.pop(hash(key), None)

    def _ended(self, key: str) -> int | None:
        short = hash(key)
        entry = self._young.get(short)
        return self._old.get(short) if entry is None else entry


def _short(digest: str) -> int:
    return hash(digest) & HASH_MASK
