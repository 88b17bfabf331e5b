"""Holding an error bound although the verifier may be wrong about how sure it is: an online correction."""

from __future__ import annotations

from math import exp, log

STEP = 2.0
"""Logits by which the bar rises with a wrong hit."""
ROUNDING = 1e-9
"""A margin that is left of sums that come to nothing."""
SUREST = 0.999
"""No probability counts for more."""
BEYOND = 3
"""Steps by which the bar may rise out of the reach of those that are as sure as can be: where wrong ones are among
them too, a few right ones in a row by chance do not bring them back."""


class ErrorBound:
    """The bar that hits of one tenant have to pass, above that of the verifier's own probability.

    Adaptive conformal inference (Gibbs and Candès, 2021) with a floor: a wrong hit raises the margin by `STEP` times
    (1 - δ), a right one lowers it by `STEP` times δ, and it is never negative. Whatever comes in whatever order, of n
    judged hits at most δ n + margin / `STEP` are wrong, since each step is that far above what it takes back.
    """

    def __init__(self) -> None:
        self.margin = 0.0

    def corrected(self, delta: float) -> float:
        """Return the bound to hold the verifier to, so that this one holds."""
        return delta if not self.margin else 1 / (1 + exp(_logit(1 - delta) + self.margin))

    def learn(self, delta: float, *, wrong: bool) -> None:
        """Take in whether a hit was wrong, which the bound `delta` had let pass, or the margin alone had not."""
        step = STEP * (1 - delta if wrong else -delta)
        highest = max(0.0, _logit(SUREST) - _logit(1 - delta))
        margin = min(max(0.0, self.margin + step), highest + BEYOND * STEP)
        self.margin = margin if margin > ROUNDING else 0.0


def _logit(probability: float) -> float:
    return log(probability / (1 - probability))
