"""Whether a model fits the constraints, and if not, what stands against it and what would help.

One function per constraint. Most depend on the constraints alone and are asked once for all requests that share them
(`STANDING`); those on the request's own length, cost and predicted quality are asked for every one (`BY_REQUEST`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from agents.routing.constraints import Needs, RoutingConstraints
from agents.routing.expectations import CALL_UNITS, Expectations
from agents.routing.permission import not_permitted, permitted_providers
from agents.routing.prospect import UNKNOWN, Prospect
from agents.routing.units import QUALITY_UNITS, cost_units, quality_of, quality_units, usd
from agents.routing.violation import Violation
from schemas.prices_formula import KINDS, NOTHING, TOKENS_PER_PRICE_UNIT, Formula
from schemas.registry import Capability, ModelSpec
from schemas.result import Lane
from schemas.wire import ONE_CALL, ExpectedRecord

ASKED_BY = {Capability.TOOLS: "tools", Capability.JSON: "response_format", Capability.VISION: "messages"}
DEARER = "costs more"
"""In few words, since most models lose by it: the figures stand beside, among the candidates."""
TOO_POOR = "quality too low"
"""The commonest of all losses, so it is the same for all; a decision has the figures beside it."""
NOTHING_CACHED: dict[str, int] = {}
WRITTEN = KINDS["cache_write"].field


class InputRates(NamedTuple):
    """What a call costs whose input is longer than `above`.

    Attributes:
        input_rate: Of one input token, in cost units.
        cached_discount: Of one cached input token, in cost units.
        write_premium: Of one input token that is written into the cache, in cost units.
        answer_cost: Of the expected answer, and of the request as such, in cost units.
        longer: What still longer inputs cost, or None.
    """

    above: int
    input_rate: int
    cached_discount: int
    write_premium: int
    answer_cost: int
    longer: InputRates | None


class Candidate(NamedTuple):
    """A model with what is expected of it, whatever the request's own length.

    Attributes:
        name: Of the model.
        position: In the registry.
        prior: Quality by the registry, in millionths.
        output_tokens: Expected of the answer.
        learned: The same, where experience told.
        room: Input tokens that fit beside it into the context window.
        input_rate: Of one input token, in cost units.
        cached_discount: Of one cached input token, in cost units.
        write_premium: Of one input token that is written into the cache, in cost units.
        answer_cost: Of the expected answer, and of the request as such, in cost units.
        calls: Paid calls expected for one answer, in thousandths.
        longer: What long inputs cost, where the price has tiers.
    """

    spec: ModelSpec
    name: str
    position: int
    prior: int
    latency_ms: float
    output_tokens: int
    learned: int | None
    room: int
    input_rate: int
    cached_discount: int
    write_premium: int
    answer_cost: int
    calls: int
    longer: InputRates | None = None

    def cost(self, input_tokens: int, cached: int = 0, written: int = 0) -> int:
        """Return the expected cost in cost units; with one call, what `cost_of` says."""
        rates: Candidate | InputRates = self
        while rates.longer is not None and input_tokens > rates.longer.above:
            rates = rates.longer
        once = input_tokens * rates.input_rate - cached * rates.cached_discount + rates.answer_cost
        once += written * rates.write_premium
        return once if self.calls == CALL_UNITS else once * self.calls // CALL_UNITS


class Offer(NamedTuple):
    """A candidate with what is expected of it for one request.

    Offers compare as equal costs are decided: the cheaper, then the better, then the faster, then the first by name.

    Attributes:
        cost: In cost units.
        flaw: The quality in millionths, negative.
        latency_ms: To the whole answer.
        cached: Input tokens that the provider is expected to have cached.
    """

    cost: int
    flaw: int
    latency_ms: float
    name: str
    candidate: Candidate
    cached: int = 0

    @property
    def quality(self) -> int:
        """Predicted quality in millionths."""
        return -self.flaw


Standing = Callable[[Candidate, Needs], Violation | None]
ByRequest = Callable[[Offer, RoutingConstraints, int], Violation | None]


def candidate_of(spec: ModelSpec, position: int, needs: Needs, expectations: Expectations) -> Candidate:
    """Return what to expect of this model in the lane."""
    learned = expectations.answer_tokens(spec.name, needs.task_type, needs.max_output_tokens)
    output_tokens = needs.output_tokens if learned is None else learned
    price = spec.price
    rates = _rates(price.batch_formula if needs.lane is Lane.BATCH else price.formula, output_tokens)
    return Candidate(
        spec,
        spec.name,
        position,
        quality_units(spec.quality_for(needs.task_type)),
        spec.latency_ms(output_tokens),
        output_tokens,
        learned,
        spec.context_window - output_tokens,
        rates.input_rate,
        rates.cached_discount,
        rates.write_premium,
        rates.answer_cost,
        expectations.calls_per_answer(spec.name),
        rates.longer,
    )


def _rates(formula: Formula, output_tokens: int) -> InputRates:
    return InputRates(
        formula.above,
        cost_units(formula.input / TOKENS_PER_PRICE_UNIT),
        cost_units(-formula.cached / TOKENS_PER_PRICE_UNIT),
        cost_units(dict(formula.caching).get(WRITTEN, NOTHING) / TOKENS_PER_PRICE_UNIT),
        cost_units((output_tokens * formula.output + formula.fee) / TOKENS_PER_PRICE_UNIT),
        None if formula.longer is None else _rates(formula.longer, output_tokens),
    )


def expected_of(candidate: Candidate, quality: int, cost: str, cached: int) -> ExpectedRecord:
    """Return what is expected of a candidate, as it is written on the decision."""
    calls = calls_of(candidate)
    return ExpectedRecord(quality / QUALITY_UNITS, cost, cached, candidate.learned, calls)


def calls_of(candidate: Candidate) -> float:
    """Return the paid calls per answer; a single one as the very object that is left out when it is written."""
    return ONE_CALL if candidate.calls == CALL_UNITS else candidate.calls / CALL_UNITS


def offers_of(candidates: Sequence[Candidate], prospect: Prospect) -> list[Offer]:
    """Return what the candidates offer for one request, in their order."""
    tokens, qualities, warm, marked = prospect
    offers = []
    cached_by = dict(warm) if warm else NOTHING_CACHED
    for candidate in candidates:
        name, quality, cached = candidate.name, candidate.prior, 0
        if qualities is not None and qualities[candidate.position] != UNKNOWN:
            quality = qualities[candidate.position]
        if name in cached_by and candidate.cached_discount:
            cached = min(cached_by[name], tokens)
        cost = candidate.cost(tokens, cached, written_of(candidate, tokens, cached, marked))
        offers.append(Offer(cost, -quality, candidate.latency_ms, name, candidate, cached))
    return offers


def written_of(candidate: Candidate, tokens: int, cached: int, marked: int) -> int:
    """Return how many tokens a call writes into the provider's prompt cache, of so many that it marks."""
    return max(0, min(marked, tokens) - cached) if candidate.write_premium else 0


def violations(offer: Offer, constraints: RoutingConstraints, input_tokens: int) -> Iterator[Violation]:
    """Yield everything that stands against an offer: what cannot be helped first, then what may be loosened."""
    yield from standing_violations(offer.candidate, constraints.needs)
    for check in BY_REQUEST:
        violation = check(offer, constraints, input_tokens)
        if violation is not None:
            yield violation


def standing_violations(candidate: Candidate, needs: Needs) -> Iterator[Violation]:
    """Yield what stands against a candidate whatever the request's own length."""
    for check in STANDING:
        violation = check(candidate, needs)
        if violation is not None:
            yield violation


def _allowed(candidate: Candidate, needs: Needs) -> Violation | None:
    allowed, name = needs.allowed_models, candidate.spec.name
    if allowed is None or name in allowed:
        return None
    return Violation("limits.allowed_models", "not allowed for the tenant", f"have {name} allowed for the tenant")


def _permitted(candidate: Candidate, needs: Needs) -> Violation | None:
    return None if needs.permitted is None else not_permitted(candidate.spec, needs.permitted)


def _lane(candidate: Candidate, needs: Needs) -> Violation | None:
    lane = needs.lane
    if lane in candidate.spec.lanes:
        return None
    remedy = f"choose a constraints.deadline that leads into another lane than {lane}"
    return Violation("constraints.deadline", f"not in the {lane} lane", remedy)


def _capabilities(candidate: Candidate, needs: Needs) -> Violation | None:
    missing = sorted(needs.capabilities - candidate.spec.capabilities)
    if not missing:
        return None
    names = " and ".join(missing)
    fields = " and ".join(ASKED_BY[capability] for capability in missing)
    return Violation(ASKED_BY[missing[0]], f"lacks {names}", f"send it without what needs {names} ({fields})")


def _answer_length(candidate: Candidate, needs: Needs) -> Violation | None:
    asked, longest = needs.max_output_tokens, candidate.spec.max_output_tokens
    if asked is None or asked <= longest:
        return None
    loss = f"answers up to {longest} tokens, not {asked}"
    return Violation("sampling.max_output_tokens", loss, f"set sampling.max_output_tokens to {longest} or less")


def _health(candidate: Candidate, needs: Needs) -> Violation | None:
    if not needs.down:
        return None
    providers = permitted_providers(candidate.spec, needs.permitted)
    if not providers or not needs.down.issuperset(providers):
        return None
    return Violation("model", f"out of order: {', '.join(providers)}", f"wait until {providers[0]} is in order again")


def _latency(candidate: Candidate, needs: Needs) -> Violation | None:
    latency, budget = candidate.latency_ms, needs.latency_budget_ms
    if budget is None or latency <= budget:
        return None
    remedy = f"set constraints.latency_budget_ms to {latency:g} or more"
    return Violation("constraints.latency_budget_ms", f"takes {latency:g} ms, not {budget:g}", remedy)


def too_poor(offer: Offer, constraints: RoutingConstraints, input_tokens: int) -> Violation | None:
    """Return the violation of the minimum quality."""
    del input_tokens
    if -offer.flaw >= constraints.least_quality:
        return None
    remedy = f"set constraints.min_quality to {quality_of(offer.quality):g} or less"
    figures = f"quality {quality_of(offer.quality):g}, not {quality_of(constraints.least_quality):g}"
    return Violation("constraints.min_quality", TOO_POOR, remedy, figures)


def too_long(offer: Offer, constraints: RoutingConstraints, input_tokens: int) -> Violation | None:
    """Return the violation of a context window in which the input and its answer do not fit."""
    candidate = offer.candidate
    window, tokens = candidate.spec.context_window, input_tokens + candidate.output_tokens
    if tokens <= window:
        return None
    remedy = f"shorten the input until it fits {window} tokens together with its answer"
    return Violation(constraints.input_field, f"context of {window} tokens, not {tokens}", remedy)


def too_dear(offer: Offer, constraints: RoutingConstraints, input_tokens: int) -> Violation | None:
    """Return the violation of the maximum cost."""
    del input_tokens
    most = constraints.most_cost
    if most is None or offer.cost <= most:
        return None
    shown = usd(offer.cost)
    if (by := constraints.cost_by) is not None:
        remedy = f"have policy.max_cost_usd of {by} raised to {shown}"
        return Violation("policy.max_cost_usd", f"costs {shown} USD, not {usd(most)} by {by}", remedy)
    remedy = f"set constraints.max_cost_usd to {shown} or more"
    return Violation("constraints.max_cost_usd", f"costs {shown} USD, not {usd(most)}", remedy)


STANDING: tuple[Standing, ...] = (_allowed, _permitted, _lane, _capabilities, _answer_length, _latency, _health)
BY_REQUEST: tuple[ByRequest, ...] = (too_poor, too_long, too_dear)
