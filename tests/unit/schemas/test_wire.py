"""Every twin writes what its contract reads: same fields, same defaults, same values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas import wire
from schemas.audit import Audit
from schemas.deadletter import DeadLetter
from schemas.request import TraceContext
from schemas.result import (
    Baseline,
    CacheHit,
    CascadeStep,
    Check,
    Decision,
    Expected,
    Output,
    Problem,
    Result,
    Savings,
    TokenUsage,
)
from schemas.screening import PersonalData
from schemas.sealed import SealedOutput
from schemas.steps import TakenStep
from schemas.survey import Survey
from schemas.usage import Usage
from tests.unit.schemas.contract_values import values_of

TWINS: dict[type[msgspec.Struct], type[BaseModel]] = {
    wire.ExpectedRecord: Expected,
    wire.StepRecord: CascadeStep,
    wire.CheckRecord: Check,
    wire.Choice: Decision,
    wire.Tokens: TokenUsage,
    wire.Answer: Output,
    wire.BaselineRecord: Baseline,
    wire.SavingsRecord: Savings,
    wire.HitRecord: CacheHit,
    wire.TakenRecord: TakenStep,
    wire.ProblemRecord: Problem,
    wire.TraceRecord: TraceContext,
    wire.PersonalDataRecord: PersonalData,
    wire.SealedRecord: SealedOutput,
    wire.ResultRecord: Result,
    wire.UsageRecord: Usage,
    wire.SurveyRecord: Survey,
    wire.AuditRecord: Audit,
    wire.DeadLetterRecord: DeadLetter,
}
pairs = pytest.mark.parametrize(
    ("twin", "contract"),
    TWINS.items(),
    ids=[f"{twin.__name__}-{contract.__name__}" for twin, contract in TWINS.items()],
)
MONEY_ALWAYS_WRITTEN = {"cost_usd"}
"""The twin requires what the contract defaults to zero: nobody forgets to book a cost."""


def defaults_of(twin: type[msgspec.Struct]) -> dict[str, Any]:
    """Return each optional field with its default as JSON."""
    found = {}
    for field in msgspec.structs.fields(twin):
        if field.required:
            continue
        default = field.default if field.default is not msgspec.NODEFAULT else _made(field)
        found[field.name] = json.loads(msgspec.json.encode(default))
    return found


def _made(field: msgspec.structs.FieldInfo) -> Any:
    factory = field.default_factory
    assert callable(factory)
    return factory()


def contract_defaults_of(contract: type[BaseModel]) -> dict[str, Any]:
    found = {}
    for name, field in contract.model_fields.items():
        if not field.is_required():
            default = field.get_default(call_default_factory=True, validated_data={})
            written = (
                default.model_dump(mode="json", exclude_defaults=True) if isinstance(default, BaseModel) else default
            )
            found[name] = written
    return found


def test_every_twin_is_held_to_a_contract() -> None:
    declared = {
        kind
        for kind in vars(wire).values()
        if isinstance(kind, type) and issubclass(kind, wire.Wire) and kind is not wire.Wire
    }
    assert declared == set(TWINS)


@pairs
def test_a_twin_has_the_fields_of_its_contract(twin: type[msgspec.Struct], contract: type[BaseModel]) -> None:
    assert set(twin.__struct_fields__) == set(contract.model_fields)


@pairs
def test_a_twin_leaves_out_what_its_contract_knows_by_default(
    twin: type[msgspec.Struct], contract: type[BaseModel]
) -> None:
    expected = contract_defaults_of(contract)
    for name in MONEY_ALWAYS_WRITTEN & expected.keys():
        del expected[name]
    assert defaults_of(twin) == expected


@pairs
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_a_twin_writes_its_contract_reads_and_writes_back(
    twin: type[msgspec.Struct], contract: type[BaseModel], data: st.DataObject
) -> None:
    record = data.draw(values_of(twin))
    read = contract.model_validate_json(msgspec.json.encode(record))
    for name in twin.__struct_fields__:
        assert (getattr(read, name) is None) == (getattr(record, name) is None)
    again = msgspec.json.decode(read.model_dump_json(), type=twin)
    assert contract.model_validate_json(msgspec.json.encode(again)) == read
    for name in twin.__struct_fields__:
        if not isinstance(getattr(record, name), msgspec.Raw):  # the same JSON may be written in many ways
            assert getattr(again, name) == getattr(record, name)


def test_defaults_are_not_written() -> None:
    assert msgspec.json.encode(wire.ProblemRecord("c", "m", "r")) == b'{"code":"c","message":"m","remedy":"r"}'


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
@settings(max_examples=60, deadline=None)
def test_money_is_written_exactly_and_without_exponent(amount: Decimal) -> None:
    assert Decimal(wire.plain(amount)) == amount
    assert "E" not in wire.plain(amount)


@pytest.mark.parametrize(("amount", "text"), [("1E-7", "0.0000001"), ("1E+3", "1000"), ("0.10", "0.10"), ("0", "0")])
def test_money_keeps_the_digits_it_has(amount: str, text: str) -> None:
    assert wire.plain(Decimal(amount)) == text
