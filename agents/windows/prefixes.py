"""Which beginnings of requests providers should cache: those that will be read often enough to pay for being written.

Of every long request the beginnings are counted, per tenant. Writing one of T tokens costs `write_factor - 1` times
T more than sending it, reading it saves `1 - read_factor` times T. So it is marked where the returns expected of it,
times the one, are more than the other; and where it was marked lately, since then it is read. All of it is only an
optimisation: it is lost on a crash, and forgotten where there is too much.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

from agents.windows.boundaries import Boundary, Kind, boundaries_of
from agents.windows.returns import TenantReturns
from schemas.batch import Cut, SharedPrefix
from schemas.prefix_settings import PrefixSettings
from schemas.request import Request
from streams.stage import Journey

KEY_BYTES = 32


class _Sightings:
    """Of one beginning: how often it came, each time within reach of the one before, and how often lately."""

    __slots__ = ("at", "kind", "lately", "times", "used_at", "written_at")

    def __init__(self, kind: Kind, now: float) -> None:
        self.kind = kind
        self.times = 1
        self.lately = 1.0
        self.at = now
        self.written_at = -math.inf
        self.used_at = -math.inf

    def come_again(self, now: float, seconds: float) -> None:
        """Count one more; what is older than `seconds` weighs less than a third."""
        passed = now - self.at
        self.times = 1 if passed >= seconds else self.times + 1
        self.lately = 1.0 + self.lately * math.exp(-max(0.0, passed) / seconds)
        self.at = now


class PrefixRecogniser:
    """Knows the beginnings that a worker's tenants share, of one partition.

    Args:
        settings: What is long enough, how long it is cached, and what caching costs.
        key: Of the hashes: drawn at random, so that what leaves tells nothing of tenant or content.
    """

    def __init__(self, settings: PrefixSettings, key: bytes) -> None:
        self._settings = settings
        self._key = key
        self._least = settings.min_tokens if settings.mark else math.inf
        self._pays_from = (settings.write_factor - 1) / (1 - settings.read_factor)
        self._known: OrderedDict[bytes, _Sightings] = OrderedDict()
        self._returns = TenantReturns(settings.tenants)

    def __len__(self) -> int:
        return len(self._known)

    def count(self, journeys: Sequence[Journey], now: float) -> list[tuple[Journey, list[Boundary]]]:
        """Count the beginnings of the long requests among these; return those requests with their boundaries."""
        least, settings = self._least, self._settings
        found = []
        for journey in journeys:
            if journey.input_tokens >= least:
                boundaries = boundaries_of(journey.request, self._key, settings.min_tokens, settings.boundaries)
                if boundaries:
                    self._count(journey.request, boundaries, now)
                    found.append((journey, boundaries))
        while len(self._known) > settings.known:
            self._known.popitem(last=False)
        return found

    def mark(self, request: Request, boundaries: list[Boundary], now: float, *, waits: bool) -> SharedPrefix:
        """Return the beginnings of a counted request that its call should mark, perhaps none, and the name it has.

        Args:
            request: Counted just now.
            boundaries: Of the same.
            now: Unix seconds.
            waits: Whether the request waits until what another one writes is there to be read.
        """
        key = self._key_of(boundaries).hex()
        chosen = self._chosen(self._paying(request, boundaries, now, waits=waits))
        for _, seen in chosen:
            if now - seen.used_at >= self._settings.seconds:
                seen.written_at = now
            seen.used_at = now
        if not chosen:
            return SharedPrefix((), key)
        return SharedPrefix(
            tuple(Cut(each.messages, each.into, each.tokens, each.digest.hex()) for each, _ in chosen),
            key,
            chosen[-1][1].written_at == now,
            chosen[-1][1].written_at + self._settings.settle_seconds,
        )

    def _paying(
        self, request: Request, boundaries: list[Boundary], now: float, *, waits: bool
    ) -> list[tuple[Boundary, _Sightings]]:
        """Return the beginnings that are read if they are marked, and those that it pays to write.

        While one is being written, what writes a part of it again is not marked: the beginnings that are read remain.
        """
        returns = self._returns.of(request.tenant)
        last = len(request.messages or ()) - 1
        read: list[tuple[Boundary, _Sightings]] = []
        paying: list[tuple[Boundary, _Sightings]] = []
        being_written = False
        for boundary in boundaries:
            seen = self._known.get(boundary.digest)
            if seen is None or (boundary.into and boundary.messages < last):
                continue
            if now - seen.used_at < self._settings.seconds:
                if waits or now - seen.written_at >= self._settings.settle_seconds:
                    read.append((boundary, seen))
                    paying.append((boundary, seen))
                else:
                    being_written = True
            elif returns(seen.kind).expected(seen.times) > self._pays_from:
                paying.append((boundary, seen))
        return read if being_written else paying

    def _count(self, request: Request, boundaries: list[Boundary], now: float) -> None:
        returns = self._returns.of(request.tenant)
        known, seconds = self._known, self._settings.seconds
        for boundary in boundaries:
            seen = known.get(boundary.digest)
            if seen is None:
                seen = known[boundary.digest] = _Sightings(boundary.kind, now)
            else:
                seen.come_again(now, seconds)
                known.move_to_end(boundary.digest)
            returns(seen.kind).reached(seen.times)

    def _key_of(self, boundaries: list[Boundary]) -> bytes:
        """Return the name of the shortest beginning that so few requests share that one machine can serve them.

        It is the same from the first request on. Where it is too many whatever beginning is taken, it is that of the
        fewest; a beginning that ends with the request is of no use to others unless it came before.
        """
        best, fewest = boundaries[0].digest, math.inf
        for boundary in boundaries:
            seen = self._known.get(boundary.digest)
            if seen is None or (boundary.kind is Kind.END and seen.times == 1) or seen.times >= fewest:
                continue
            best, fewest = boundary.digest, seen.times
            if seen.lately <= self._settings.calls_per_key:
                break
        return best

    def _chosen(self, paying: list[tuple[Boundary, _Sightings]]) -> list[tuple[Boundary, _Sightings]]:
        """Return the last of these, and before it those where requests part that are alike so far.

        Of the boundaries within the last message at most one is taken, and none besides its end: a text that is cut
        at changing places is not the same to a provider. It is the last that came before, or else the last.
        """
        whole = [each for each in paying if not each[0].into]
        within = [each for each in paying if each[0].into]
        if within and not (whole and whole[-1][0].messages > within[0][0].messages):
            again = [each for each in within if each[1].times > 1]
            whole.append(again[-1] if again else within[-1])
        chosen: list[tuple[Boundary, _Sightings]] = []
        for each in reversed(whole):
            if not chosen or each[1].times > chosen[-1][1].times:
                chosen.append(each)
        chosen.reverse()
        most = self._settings.markers
        return chosen if len(chosen) <= most else [chosen[0], *chosen[len(chosen) - most + 1 :]]
