"""The decision for a cascade, as it explains itself."""

from __future__ import annotations

from collections.abc import Sequence

from agents.routing.cascade.chain import Chain
from agents.routing.constraints import Rule
from agents.routing.decision import Field
from agents.routing.fit import DEARER, Offer
from agents.routing.units import QUALITY_UNITS, quality_of, usd
from schemas.wire import Choice, StepRecord

NOT_NEEDED = "not a step of the cascade"


def cascaded(chain: Chain, qualified: Sequence[Offer], accept: int, field: Field) -> Choice:
    """Return the decision for a cascade.

    Args:
        chain: Its steps.
        qualified: The offers that meet every constraint.
        accept: Least probability with which a cheap answer is taken, in millionths.
        field: Everybody.
    """
    names = [step.name for step in chain.steps]
    lost = field.lost
    for name in names:
        lost.pop(name, None)  # a step before the last may be below the minimum quality
    for other in qualified:
        if other.name not in names:
            lost[other.name] = DEARER if other.cost > chain.steps[-1].cost else NOT_NEEDED
    shares = [escalation / QUALITY_UNITS for escalation in chain.escalations]
    reason = (
        f"{names[0]} is asked first, and {', then '.join(names[1:])} where its answer does not hold, "
        f"expected of {shares[0]:.0%}."
    )
    return Choice(
        Rule.CASCADE.value,
        f"{reason} {field.remark}" if field.remark else reason,
        usd(chain.cost),
        quality_of(chain.quality),
        lost,
        field.expected,
        field.input_tokens,
        field.models,
        steps=list(map(StepRecord, names, [*shares, None])),
        accept=accept / QUALITY_UNITS,
        task_type=field.task_type,
        task_confidence=field.task_confidence,
        min_quality=field.min_quality,
    )
