"""What governance costs per request: `python -m benchmarks.governance [part ...]` prints one JSON object.

Each part is one function in `PARTS` that returns its figures; parts measure one process, no broker.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from agents.governance.budgets.desk import BudgetDesk
from agents.governance.keys import RANDOM_BYTES, KeyRing
from agents.governance.rates.admission import Admission
from agents.governance.registry import Registry
from agents.governance.signatures.entrance import GuardedEntrance, OpenEntrance
from agents.governance.signatures.verifier import Verifier
from agents.governance.stage import GovernanceStep
from benchmarks.governance_budgets import budgets
from benchmarks.governance_encryption import encryption
from benchmarks.governance_load import (
    BULK_SIZE,
    EXPECTED_OUTPUT_TOKENS,
    HOLD_SECONDS,
    MICROSECONDS,
    NOW,
    PLENTY,
    REPEATS,
    SINGLES,
    Receipt,
    bulk,
    estimator,
    request,
    signed_records,
)
from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.policy import Budget, CacheMode, Policy, Rates
from schemas.settings import IntakeSettings
from schemas.tenant import TenantRegistered
from streams.envelope import Publication
from streams.master_key import MasterKey, Purpose
from streams.outcomes import Ok
from streams.records import Record
from streams.signing import Signer
from streams.stage import Journey, moment
from streams.topics import REQUESTS
from streams.vouchers import Vouching

BULKS = 100
SKEW_SECONDS = 120.0
BATCHES = 10
MESSAGES = 5
"""Of `BULK_SIZE` requests each: a thousand in a batch."""
TARGET_US = 60
POLICY = Policy(
    allowed_models=("gpt-4o-mini", "gpt-4o"),
    allowed_providers=("openai",),
    allowed_task_types=("support", "coding"),
    max_input_tokens=10_000,
    max_output_tokens=1_000,
    max_cost_usd=Decimal("0.5"),
    cache=CacheMode.USE,
)
RATES = Rates(requests_per_minute=1_000_000, tokens_per_minute=1_000_000_000, in_flight=1_000_000)
UNSETTLED = Receipt()


def signatures() -> dict[str, float]:
    """Measure reading messages with and without checking their signatures, in microseconds per request."""
    master = MasterKey(bytes(32))
    ring = KeyRing(master)
    draft = KeyIssued(tenant="acme", key_id="0" * 8, secret_hash="", signing_key="", issued_at=moment(NOW))
    issued = ring.issue(draft, bytes(range(RANDOM_BYTES)))
    registry = Registry()
    registry.register(TenantRegistered(tenant="acme", reference_model="m"))
    registry.register(issued.fact)
    signer = Signer(issued.key, lambda: NOW)
    intake = IntakeSettings()

    def guarded() -> GuardedEntrance:
        verifier = Verifier(registry, ring, Vouching(master.subkey(Purpose.VOUCHERS)), SKEW_SECONDS)
        return GuardedEntrance(intake, verifier, registry, required=True)

    singles = signed_records(signer, [request(number) for number in range(SINGLES)])
    bulks = signed_records(signer, [bulk(number) for number in range(BULKS)])
    figures = {"request_bytes": float(len(request(0)))}
    for name, records, requests in (("single", singles, SINGLES), ("bulk", bulks, BULKS * BULK_SIZE)):
        unsigned = _best(lambda: OpenEntrance(intake), records, requests)
        signed = _best(guarded, records, requests)
        figures |= {
            f"{name}_read_us": round(unsigned, 2),
            f"{name}_read_and_verified_us": round(signed, 2),
            f"{name}_signature_us": round(signed - unsigned, 2),
        }
    began = time.perf_counter()
    for record in singles:
        signer.signed(REQUESTS.name, Publication(record.value, record.key))
    figures["signing_us"] = round((time.perf_counter() - began) / SINGLES * MICROSECONDS, 2)
    return figures


def governance() -> dict[str, Any]:
    """Measure the governance of a batch, each thing on top of the one before, in microseconds per request.

    `read` decodes signed messages without looking at their signatures, which intake does with or without governance;
    `step` is governance of a tenant without rules. With everything on, a request passes signature, policies of
    organization, team, user and key, three nested rates of requests and of tokens, and a limit in flight in each.
    On top of all come budgets by day and by month of organization, team, user and key.
    """
    master = MasterKey(bytes(32))
    ring = KeyRing(master)
    draft = KeyIssued(
        tenant="acme", user="amara", key_id="0" * 8, secret_hash="", signing_key="", issued_at=moment(NOW)
    )
    issued = ring.issue(draft, bytes(range(RANDOM_BYTES)))
    signer, intake = Signer(issued.key, lambda: NOW), IntakeSettings()
    bulks = [
        signed_records(signer, [bulk(batch * MESSAGES + number) for number in range(MESSAGES)])
        for batch in range(BATCHES)
    ]
    plain = registry_of(issued.fact, Policy(), Rates())
    policies = registry_of(issued.fact, POLICY, Rates())
    limited = registry_of(issued.fact, POLICY, RATES)
    everything = registry_of(issued.fact, POLICY, RATES, PLENTY)

    def signed() -> GuardedEntrance:
        verifier = Verifier(everything, ring, Vouching(master.subkey(Purpose.VOUCHERS)), SKEW_SECONDS)
        return GuardedEntrance(intake, verifier, everything, required=True)

    read, verified = (_governed(bulks, make, None) for make in (lambda: OpenEntrance(intake), signed))
    figures = {
        "read": read,
        "signature": verified - read,
        "step": _governed(bulks, signed, plain) - verified,
    }
    figures["policies"] = _governed(bulks, signed, policies) - verified - figures["step"]
    without_budgets = _governed(bulks, signed, limited)
    figures["rates"] = without_budgets - verified - figures["step"] - figures["policies"]
    whole = _governed(bulks, signed, everything)
    figures["budgets"] = whole - without_budgets
    return {
        "requests_per_batch": MESSAGES * BULK_SIZE,
        "us_per_request": {name: round(figure, 2) for name, figure in figures.items()},
        "governance_us": round(whole - read, 2),
        "read_and_governance_us": round(whole, 2),
        "target_us": TARGET_US,
    }


def registry_of(key: KeyIssued, policy: Policy, rates: Rates, budgets: tuple[Budget, ...] = ()) -> Registry:
    """Return an organization, a team, a user and his key, which all have what is said; the rates not the key."""
    registry = Registry()
    said: dict[str, Any] = {"policy": policy, "rates": rates, "budgets": budgets}
    registry.register(TenantRegistered(tenant="acme", reference_model="gpt-4-turbo", **said))
    registry.register(TeamRegistered(tenant="acme", team="search", **said))
    registry.register(UserRegistered(tenant="acme", user="amara", team="search", **said))
    registry.register(key.model_copy(update={"policy": policy, "budgets": budgets}))
    return registry


def _governed(
    batches: Sequence[Sequence[Record]],
    make: Callable[[], GuardedEntrance | OpenEntrance],
    registry: Registry | None,
) -> float:
    """Return the least microseconds per request of several batches, with the step where there is a registry."""
    best = float("inf")
    prices = estimator()
    for records in batches:
        entrance = make()
        step = None
        if registry is not None:
            budgets = BudgetDesk(registry, prices, HOLD_SECONDS)
            step = GovernanceStep(registry, Admission(), budgets, EXPECTED_OUTPUT_TOKENS)
        gc.collect()
        began = time.perf_counter()
        outcomes = [outcome for record in records for outcome in entrance.read(record, NOW)]
        journeys = [_journey(outcome) for outcome in outcomes if isinstance(outcome, Ok)]
        flow = None if step is None else step.process(journeys, NOW)
        best = min(best, time.perf_counter() - began)
        assert len(journeys) == MESSAGES * BULK_SIZE
        assert flow is None or len(flow.onward) == len(journeys), "somebody was refused"
    return best / (MESSAGES * BULK_SIZE) * MICROSECONDS


def _journey(outcome: Ok) -> Journey:
    return Journey(outcome.request, outcome.body, outcome.digest, 0, NOW, UNSETTLED, key_id=outcome.key_id)


def _best(make: Callable[[], GuardedEntrance | OpenEntrance], records: Sequence[Record], requests: int) -> float:
    """Return the least microseconds per request of several runs, each with a fresh entrance."""
    best = float("inf")
    for _ in range(REPEATS):
        entrance = make()
        gc.collect()
        began = time.perf_counter()
        for record in records:
            entrance.read(record, NOW)
        best = min(best, time.perf_counter() - began)
    return best / requests * MICROSECONDS


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "signatures": signatures,
    "governance": governance,
    "budgets": budgets,
    "encryption": encryption,
}


def main() -> int:
    """Measure the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them by default")
    chosen = parser.parse_args().parts or list(PARTS)
    print(json.dumps({name: PARTS[name]() for name in chosen}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
