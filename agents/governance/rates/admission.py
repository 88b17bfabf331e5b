"""Whether the limits of its scopes let a request in now; and what is in flight because they did."""

from __future__ import annotations

import math

from agents.governance.rates.gates import Ceiling, Gate, Gates
from agents.governance.rates.in_flight import InFlight
from agents.governance.rates.limiter import RateLimiter
from schemas.wire import ProblemRecord

MS_PER_SECOND = 1000


class Admission:
    """The rates and the requests in flight of the tenants of one partition.

    A request is looked at first and counted when everything else has let it in, too: what is refused for another
    reason counts nowhere. One that is in flight already has been let in.
    """

    def __init__(self) -> None:
        self._requests = RateLimiter()
        self._tokens = RateLimiter()
        self.in_flight = InFlight()

    def objection(self, key: str, gates: Gates, tokens: int, now: float) -> ProblemRecord | None:
        """Return which limit a request does not pass, or None; nothing is counted.

        Args:
            key: Tells the request from all others.
            gates: The limits of its scopes.
            tokens: Its estimated input and expected output.
            now: Unix seconds.
        """
        if not (gates.requests or gates.tokens or gates.ceilings) or key in self.in_flight:
            return None
        for ceiling in gates.ceilings:
            if self.in_flight.count(ceiling.place) >= ceiling.limit:
                return _too_many(ceiling)
        often = self._requests.refusal(gates.requests, 1, now) if gates.requests else None
        large = self._tokens.refusal(gates.tokens, tokens, now) if gates.tokens else None
        if large is not None and math.isinf(large.wait):
            return _too_large(large.gate, tokens)
        if large is not None and (often is None or large.wait > often.wait):
            return _too_fast(large.gate, "tokens", large.wait)
        return None if often is None else _too_fast(often.gate, "requests", often.wait)

    def admit(self, key: str, gates: Gates, tokens: int, now: float) -> None:
        """Count a request that is let in, in all of its scopes; one that is in flight already is counted.

        It need not have been asked about: one that a predecessor had let in takes its place beyond every limit.
        """
        if (gates.requests or gates.tokens) and key not in self.in_flight:
            self._requests.count(gates.requests, 1, now)
            self._tokens.count(gates.tokens, tokens, now)
        self.in_flight.begin(key, gates.places)


def _too_fast(gate: Gate, units: str, wait: float) -> ProblemRecord:
    seconds = math.ceil(wait * MS_PER_SECOND) / MS_PER_SECOND  # never a moment too early
    return ProblemRecord(
        "rate_limited",
        f"{gate.field}: more than {gate.rate} {units} per minute, by {gate.rule} of {gate.by}",
        f"wait {seconds:g} s",
        gate.field,
        seconds,
    )


def _too_large(gate: Gate, tokens: int) -> ProblemRecord:
    return ProblemRecord(
        "tokens_exceed_burst",
        f"sampling.max_output_tokens: with its input the request may take {tokens} tokens, and {gate.rule} of "
        f"{gate.by} lets no more than {gate.burst} come at once",
        "shorten the input, or set a lower sampling.max_output_tokens",
        "sampling.max_output_tokens",
    )


def _too_many(ceiling: Ceiling) -> ProblemRecord:
    return ProblemRecord(
        "too_many_in_flight",
        f"{ceiling.field}: {ceiling.limit} requests without a result, and rates.in_flight of {ceiling.by} lets no "
        "more be under way",
        "wait until one of them has its result",
        ceiling.field,
    )
