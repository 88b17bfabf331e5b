"""Who is let in: each fault has its own code, none gives a result, and valid traffic beside it is untouched."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from agents.governance.keys import Issued, KeyRing
from agents.governance.secrets import MasterKey, Purpose
from agents.governance.signatures.entrance import GuardedEntrance
from agents.governance.signatures.verifier import Verifier
from schemas.governance import Scope
from schemas.settings import IntakeSettings
from streams.envelope import Publication
from streams.outcomes import DeadLetter, Ok, Outcome, Rejected
from streams.records import Record
from streams.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, Signer
from streams.topics import REQUESTS
from streams.vouchers import Vouching
from tests.unit.governance.keys import ISSUED_AT, MASTER, RING, issue, registry_of

NOW = ISSUED_AT.timestamp() + 3600
SKEW = 120.0
GOOD = issue("good")
OF_AMARA = issue("amara", user="amara")
REVOKED = issue("revoked", revoked_at=ISSUED_AT)
EXPIRED = issue("expired", expires_at=ISSUED_AT + timedelta(minutes=1))
ANALYST = issue("analyst", scopes=(Scope.ANALYST,))
FOREIGN = issue("foreign", tenant="zeta")
UNKNOWN = issue("unknown")
ELSEWHERE = KeyRing(MasterKey(bytes(32))).issue(GOOD.fact, bytes(60))
KEYS = (GOOD, OF_AMARA, REVOKED, EXPIRED, ANALYST, FOREIGN, ELSEWHERE)
VOUCHING = Vouching(MASTER.subkey(Purpose.VOUCHERS))


def ask(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "tenant": "acme", "prompt": "p", **fields}


def body(*requests: dict[str, Any]) -> bytes:
    return json.dumps(list(requests)).encode()


@dataclass
class Door:
    """An entrance, the offsets of its partition, and what to send to it."""

    required: bool = True
    partition: int = 0
    offset: int = 0
    entrance: GuardedEntrance = field(init=False)

    def __post_init__(self) -> None:
        registry = registry_of(*KEYS)
        verifier = Verifier(registry, RING, VOUCHING, SKEW)
        self.entrance = GuardedEntrance(IntakeSettings(), verifier, registry, required=self.required)

    def record(self, message: Publication, at: float = NOW, *, stamped: bool = True) -> Record:
        self.offset += 1
        headers = tuple(message.headers)
        return Record(REQUESTS.name, self.partition, self.offset, message.key, message.value, headers, at, stamped)

    def take(self, message: Publication, at: float = NOW, *, now: float | None = None) -> Sequence[Outcome]:
        return self.entrance.read(self.record(message, at), at if now is None else now)


def sign(key: Issued, *requests: dict[str, Any], at: float = NOW, tenant: str | None = "acme") -> Publication:
    message = Publication(body(*(requests or (ask("r1"),))), None if tenant is None else tenant.encode())
    return Signer(key.key, lambda: at).signed(REQUESTS.name, message)


def without(message: Publication, name: str) -> Publication:
    return message._replace(headers=[pair for pair in message.headers if pair[0] != name])


def with_header(message: Publication, name: str, value: bytes) -> Publication:
    return message._replace(headers=[*without(message, name).headers, (name, value)])


def codes(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what became of each request: its key's id, or the code of its problem."""
    return [(one.key_id or "unsigned") if isinstance(one, Ok) else one.problem.code for one in outcomes]


FAULTS: dict[str, Callable[[], Publication]] = {
    "unsigned_request": lambda: Publication(body(ask("r1")), b"acme"),
    "unknown_key": lambda: sign(UNKNOWN),
    "bad_signature": lambda: sign(GOOD)._replace(value=body(ask("r1", prompt="another"))),
    "clock_skew": lambda: sign(GOOD, at=NOW - SKEW - 1),
    "revoked_key": lambda: sign(REVOKED),
    "expired_key": lambda: sign(EXPIRED),
    "wrong_scope": lambda: sign(ANALYST),
    "wrong_tenant": lambda: sign(FOREIGN),
    "unreadable_key": lambda: sign(ELSEWHERE),
}


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_its_code_and_is_audited_and_gives_no_result(code: str) -> None:
    door = Door()
    [outcome] = door.take(FAULTS[code]())
    assert isinstance(outcome, DeadLetter)
    assert outcome.problem.code == code
    audit = outcome.audit(NOW)
    assert audit is not None
    assert audit.reason.startswith(f"{code}: ")
    assert audit.tenant == ("zeta" if code == "wrong_tenant" else "acme")
    assert audit.subject == outcome.id
    assert codes(door.take(sign(GOOD))) == [GOOD.fact.key_id]


@pytest.mark.parametrize(
    "message",
    [
        without(sign(GOOD), SIGNATURE_HEADER),
        without(sign(GOOD), TIMESTAMP_HEADER),
    ],
)
def test_half_a_signature_is_none(message: Publication) -> None:
    assert codes(Door().take(message)) == ["unsigned_request"]


@pytest.mark.parametrize(
    "message",
    [
        with_header(sign(GOOD), TIMESTAMP_HEADER, b"yesterday"),
        with_header(sign(GOOD), TIMESTAMP_HEADER, b"9" * 40),
        with_header(sign(GOOD), TIMESTAMP_HEADER, str(int(NOW * 1000) + 1).encode()),
        with_header(sign(GOOD), SIGNATURE_HEADER, b"\xff"),
        sign(GOOD)._replace(key=b"zeta"),
        sign(GOOD)._replace(key=None),
    ],
)
def test_a_changed_message_is_a_bad_signature(message: Publication) -> None:
    assert codes(Door().take(message)) == ["bad_signature"]


def test_an_array_is_signed_as_a_whole_and_judged_request_by_request() -> None:
    message = sign(GOOD, ask("r1"), ask("r2", tenant="zeta"), ask("r3", temper="hot"), ask("r4"), tenant=None)
    outcomes = Door().take(message)
    assert codes(outcomes) == [GOOD.fact.key_id, "wrong_tenant", "unknown_field", GOOD.fact.key_id]
    assert [type(one) for one in outcomes] == [Ok, DeadLetter, Rejected, Ok]


def test_a_broken_request_for_another_tenant_is_not_rejected_there() -> None:
    [outcome] = Door().take(sign(GOOD, ask("r1", tenant="zeta", temper="hot"), tenant=None))
    assert isinstance(outcome, DeadLetter)
    assert outcome.problem.code == "wrong_tenant"


def test_a_broken_request_is_its_senders() -> None:
    broken = {"id": "r1", "prompt": "p"}
    [outcome] = Door().take(sign(OF_AMARA, broken, tenant=None))
    assert isinstance(outcome, Rejected)
    assert (outcome.tenant, outcome.user) == ("acme", "amara")


def test_the_keys_user_is_filled_in_and_no_other_passes() -> None:
    outcomes = Door().take(sign(OF_AMARA, ask("r1"), ask("r2", user="amara"), ask("r3", user="bela")))
    assert [one.request.user for one in outcomes if isinstance(one, Ok)] == ["amara", "amara"]
    last = outcomes[-1]
    assert isinstance(last, Rejected)
    assert (last.problem.code, last.tenant, last.user) == ("wrong_user", "acme", "amara")


def test_a_replay_is_refused_and_a_redelivery_is_not() -> None:
    door, message = Door(), sign(GOOD)
    record = door.record(message)
    assert codes(door.entrance.read(record, NOW)) == [GOOD.fact.key_id]
    assert codes(door.entrance.read(record, NOW)) == [GOOD.fact.key_id]
    assert codes(door.take(message)) == ["replayed_signature"]
    assert codes(door.take(message, NOW + SKEW)) == ["replayed_signature"]
    assert codes(door.take(message, NOW + SKEW + 1)) == ["clock_skew"]


def test_a_backlog_does_not_expire_a_signature() -> None:
    day = 86_400
    soon = issue("soon", expires_at=ISSUED_AT + timedelta(hours=2))
    door = Door()
    assert codes(door.take(sign(GOOD), NOW, now=NOW + day)) == [GOOD.fact.key_id]
    registry = registry_of(soon)
    entrance = GuardedEntrance(IntakeSettings(), Verifier(registry, RING, VOUCHING, SKEW), registry, required=True)
    assert codes(entrance.read(door.record(sign(soon)), NOW + day)) == [soon.fact.key_id]


def test_a_producer_cannot_make_its_message_younger_where_the_broker_does_not_stamp() -> None:
    door, old = Door(), sign(GOOD, at=NOW - 3600)
    assert codes(door.take(sign(GOOD, ask("r2")))) == [GOOD.fact.key_id]
    assert codes(door.entrance.read(door.record(old, NOW - 3600, stamped=False), NOW)) == ["clock_skew"]
    coming = sign(GOOD, at=NOW + 3600)
    assert codes(door.entrance.read(door.record(coming, NOW + 3600, stamped=False), NOW)) == ["clock_skew"]


def test_optional_lets_in_who_does_not_sign_but_not_who_signs_badly() -> None:
    door = Door(required=False)
    assert codes(door.take(FAULTS["unsigned_request"]())) == ["unsigned"]
    assert codes(door.take(FAULTS["bad_signature"]())) == ["bad_signature"]
    assert codes(door.take(sign(GOOD))) == [GOOD.fact.key_id]


def sent_on(original: Record, one: dict[str, Any], at: float = NOW) -> Publication:
    return VOUCHING.vouched(original, json.dumps(one).encode(), b"acme", at)


def test_what_was_sent_on_needs_no_signature_of_its_own() -> None:
    elsewhere, home = Door(partition=5), Door()
    original = elsewhere.record(sign(GOOD, ask("r1"), ask("r2")))
    late = NOW + 3 * SKEW
    for name in ("r1", "r2"):
        assert codes(home.take(sent_on(original, ask(name), late), late)) == [GOOD.fact.key_id]


def test_a_copy_on_another_partition_is_a_replay_at_home() -> None:
    message = sign(GOOD)
    home, elsewhere = Door(), Door(partition=5)
    assert codes(home.take(message)) == [GOOD.fact.key_id]
    assert codes(home.take(sent_on(elsewhere.record(message), ask("r1")))) == ["replayed_signature"]
    home = Door()
    assert codes(home.take(sent_on(elsewhere.record(message), ask("r1")))) == [GOOD.fact.key_id]
    assert codes(home.take(message)) == ["replayed_signature"]


def test_what_was_sent_on_can_be_repeated_by_asahi_and_by_nobody_else() -> None:
    home = Door()
    original = Door(partition=5).record(sign(GOOD))
    part = sent_on(original, ask("r1"))
    assert codes(home.take(part)) == [GOOD.fact.key_id]
    assert codes(home.take(part)) == ["replayed_signature"]
    assert codes(home.take(sent_on(original, ask("r1"), NOW + 5), NOW + 5)) == [GOOD.fact.key_id]
    assert codes(home.take(part, NOW + 86_400)) == ["clock_skew"]


def test_a_forged_voucher_is_worth_nothing() -> None:
    original = Door(partition=5).record(sign(GOOD))
    forged = Vouching(b"x" * 32).vouched(original, json.dumps(ask("r1")).encode(), b"acme", NOW)
    assert codes(Door().take(forged)) == ["bad_signature"]


def test_a_successor_that_recalls_knows_replays() -> None:
    door, message = Door(), sign(GOOD)
    record = door.record(message)
    door.entrance.read(record, NOW)
    assert door.entrance.reach == record.offset
    successor = Door(offset=door.offset)
    successor.entrance.recall(record, NOW)
    assert codes(successor.take(message)) == ["replayed_signature"]


def test_what_a_refusal_says_holds_no_secret() -> None:
    for make in FAULTS.values():
        message = make()
        [outcome] = Door().take(message)
        assert isinstance(outcome, DeadLetter)
        said = f"{outcome.problem} {outcome.audit(NOW)}"
        assert "prompt" not in said
        assert all(key.key.secret not in said for key in KEYS)
