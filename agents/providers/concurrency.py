"""How many calls at once a provider takes well, learnt from how they end. Pure.

A round is as many calls as may be under way. After each, the limit grows a little, and shrinks by half of the share
of calls that met congestion (rate limits, overload, timeouts). Growing a little and shrinking in proportion is what
DCTCP does (Alizadeh et al., 2010): a few unlucky calls cost little, and a provider that refuses everybody gets half
as many after each round.
"""

from __future__ import annotations

GROWTH = 0.05
"""Of the limit, per round without congestion; at least one call. It balances a tenth of congested calls, nearly."""
CUT = 0.5


class Concurrency:
    """The limit, which starts at its ceiling: most providers never complain.

    Args:
        ceiling: Most calls at once.
    """

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._limit = float(ceiling)
        self._left = ceiling
        self._ended = 0
        self._congested = 0

    @property
    def limit(self) -> int:
        """Calls that may be under way at once, at least 1."""
        return int(self._limit)

    def set_ceiling(self, ceiling: int) -> None:
        """Change the most calls at once; a limit that had been reduced keeps its proportion."""
        self._limit = max(1.0, self._limit * ceiling / self._ceiling)
        self._ceiling = ceiling
        self._left = min(self._left, self.limit)

    def end(self, congested: bool) -> bool:
        """Count how a call ended; returns whether a round is over, with which the limit may change."""
        self._ended += 1
        if congested:
            self._congested += 1
        self._left -= 1
        if self._left > 0:
            return False
        share = self._congested / self._ended
        growth = (1 - share) * max(1.0, self._limit * GROWTH)
        self._limit = max(1.0, min(float(self._ceiling), self._limit + growth - self._limit * share * CUT))
        self._ended = self._congested = 0
        self._left = self.limit
        return True
