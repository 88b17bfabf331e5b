"""Which signatures one partition has seen, and how late it is there: what makes a replay known for certain.

A signature carries the time T at which it was made, and is accepted up to `skew` from the time at which its message
reached the log. That time, here, never goes back: of a record it is its own, or that of the newest verified record
before it where that is later (the *front*). So once the front has passed T + skew, no message with that signature
is accepted any more, and it may be forgotten. A replay is either still remembered or too late: nothing lies between.
"""

from __future__ import annotations

BUCKETS_PER_SKEW = 4
Source = int | str
"""Where a signature came first: an offset of the partition, or the place that a voucher names."""


class SignatureMemory:
    """The signatures of one partition.

    They are forgotten by the bucket. One costs some 150 bytes: 64 bits of it and its source.

    Args:
        skew_ms: Most milliseconds between a signature's time and its arrival.
    """

    def __init__(self, skew_ms: int) -> None:
        self._skew_ms = skew_ms
        self._bucket_ms = max(1, skew_ms // BUCKETS_PER_SKEW)
        self._buckets: dict[int, dict[int, Source]] = {}
        self._oldest: dict[int, int] = {}
        self._front = 0
        self._front_offset: int | None = None

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def time_of(self, arrived_ms: int) -> int:
        """Return when a record arrived, by a clock that never goes back."""
        return max(arrived_ms, self._front)

    def meets(self, proof: bytes, source: Source, offset: int, expires_ms: int) -> bool:
        """Remember a signature; return whether it came before from elsewhere.

        Args:
            proof: The signature.
            source: Where it comes from.
            offset: Of the record it came in, in this partition.
            expires_ms: When the front has passed this, it need not be remembered.
        """
        number = expires_ms // self._bucket_ms
        short = int.from_bytes(proof[:8])
        known = self._buckets.get(number, {}).get(short)
        if known is not None:
            return known != source
        if expires_ms >= self._front:
            self._buckets.setdefault(number, {})[short] = source
            self._oldest.setdefault(number, offset)
        return False

    def advance(self, arrived_ms: int, offset: int) -> None:
        """Move the front to a verified record's arrival, and forget what is too old to be accepted again."""
        if arrived_ms <= self._front:
            return
        self._front, self._front_offset = arrived_ms, offset
        due = [number for number in self._buckets if (number + 1) * self._bucket_ms <= arrived_ms]
        for number in due:
            del self._buckets[number], self._oldest[number]

    @property
    def reach(self) -> int | None:
        """Return the offset from which on a successor must read to know as much; None while nothing is known.

        It never goes back: what is remembered later comes from further behind.
        """
        return min(self._oldest.values(), default=self._front_offset)
