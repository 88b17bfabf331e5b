"""Which models a cascade asks one after the other, and what that is expected to cost and be worth. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import Offer
from agents.routing.units import QUALITY_UNITS, quality_of
from schemas.batch import Cascade


@dataclass(frozen=True, slots=True)
class Chain:
    """The models of a cascade.

    Attributes:
        steps: At least two, each dearer and better than the one before.
        escalations: Probability that the answer of each step but the last does not hold, in millionths.
        cost: Expected of the whole, in cost units: every step with the probability that it is asked.
        quality: Expected of the whole, in millionths.
    """

    steps: tuple[Offer, ...]
    escalations: tuple[int, ...]
    cost: int
    quality: int

    def terms(self, accept: int) -> Cascade:
        """Return what the provider stage must know; `accept` is in millionths."""
        return Cascade(quality_of(accept), tuple(quality_of(step.quality) for step in self.steps[:-1]))


def chain_of(
    running: Sequence[Offer],
    qualified: Sequence[Offer],
    constraints: RoutingConstraints,
    most_steps: int,
    refuted: Mapping[str, int],
) -> Chain | None:
    """Return the cascade among these offers; None where asking one model is no dearer, or no other is better.

    The last step is the cheapest that reaches the minimum quality; where the cheapest of all reaches it already, the
    best, for an answer that does not hold asks for a better model. The steps before it are taken from the cheapest
    on, each better than the one before, as long as the expected cost falls: a step is worth its cost where that is
    less than what the next one costs times the probability that it need not be asked.

    What an answer does not hold for is not known before it is given. Without experience the probability of
    escalation is that of a wrong answer, as predicted.

    All steps may come to be asked, so they must keep the request's limits of cost and of latency together.

    Args:
        running: Offers that meet every constraint but the minimum quality, the cheapest first.
        qualified: Those of them that meet it too, the cheapest first; at least one.
        constraints: What the request asks.
        most_steps: Most models asked.
        refuted: Share of a model's checked answers that did not hold, in millionths, where experience told.
    """
    last = qualified[0]
    if last.name == running[0].name:
        last = min(qualified, key=lambda offer: (offer.flaw, offer))
    before: list[Offer] = []
    for offer in running:
        if len(before) + 1 >= most_steps or offer.cost >= last.cost:
            break
        best_so_far = before[-1].quality if before else -1
        if not best_so_far < offer.quality < last.quality:
            continue
        saved = last.cost * (QUALITY_UNITS - _escalation(offer, refuted)) // QUALITY_UNITS
        if offer.cost < saved and _keeps_limits([*before, offer, last], constraints):
            before.append(offer)
    if not before:
        return None
    escalations = tuple(_escalation(offer, refuted) for offer in before)
    return Chain((*before, last), escalations, *_expected(before, escalations, last, constraints.accept))


def _escalation(offer: Offer, refuted: Mapping[str, int]) -> int:
    return refuted.get(offer.name, QUALITY_UNITS - offer.quality)


def _keeps_limits(steps: Sequence[Offer], constraints: RoutingConstraints) -> bool:
    most, budget = constraints.most_cost, constraints.needs.latency_budget_ms
    if most is not None and sum(step.cost for step in steps) > most:
        return False
    return budget is None or sum(step.latency_ms for step in steps) <= budget


def _expected(before: Sequence[Offer], escalations: Sequence[int], last: Offer, accept: int) -> tuple[int, int]:
    """Return expected cost and quality.

    An answer that is taken is right with at least the probability that was asked for, and no less often than the
    model's answers are in general: checks that know nothing leave it at that.
    """
    cost, quality = last.cost, last.quality
    for step, escalation in zip(reversed(before), reversed(escalations), strict=True):
        cost = step.cost + cost * escalation // QUALITY_UNITS
        taken = max(step.quality, accept)
        quality = (taken * (QUALITY_UNITS - escalation) + quality * escalation) // QUALITY_UNITS
    return cost, quality
