"""Any value of a wire twin, as a hypothesis strategy derived from its fields."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from schemas.policy import PersonalDataMode
from schemas.result import Lane, Status
from schemas.wire import Choice, ExpectedRecord, plain

texts = st.text(st.characters(codec="utf-8"), max_size=10)
moments = st.datetimes(timezones=st.just(UTC))
money = st.decimals(0, 10_000, places=8).map(plain) | st.just(plain(Decimal("1E-7")))
fractions = st.floats(0, 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | fractions | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
no_nul = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=10)
CAUSES = {
    "cache_exact",
    "cache_shared_flight",
    "cache_semantic",
    "cache_intermediate",
    "routing",
    "batch_lane",
    "provider_cache",
    "compression",
}
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "calls": st.floats(1, 10),
    "types": st.dictionaries(texts, st.integers(0, 99), max_size=2),
    "key": st.just("ab" * 16),
    "version": st.just(1),
    "traceparent": st.just(f"00-{'a' * 32}-{'b' * 16}-01"),
    "tracestate": no_nul,
    "candidates": st.dictionaries(texts, st.builds(ExpectedRecord, fractions, money), max_size=2).map(
        lambda candidates: msgspec.Raw(msgspec.json.encode(candidates))
    ),
    "decision": st.builds(Choice, texts, texts).map(lambda choice: msgspec.Raw(choice.encoded())),
}


def values_of(twin: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return a strategy for instances of a twin, every field of it drawn."""
    hints = get_type_hints(twin)
    return st.builds(twin, **{name: _field(name, hints[name]) for name in twin.__struct_fields__})


def _field(name: str, hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return st.none() | _field(name, inner)
    if name in SPECIAL:
        return SPECIAL[name]
    if name.endswith("_usd") or name in CAUSES:
        return money
    if origin is list:
        return st.lists(_field("", arguments[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(texts, _field("", arguments[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return values_of(hint)
    return SCALARS[hint]


SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    PersonalDataMode: st.sampled_from(PersonalDataMode),
    str: texts,
    int: st.integers(0, 2**53),
    float: fractions,
    bool: st.booleans(),
    datetime: moments,
    Status: st.sampled_from(Status),
    Lane: st.sampled_from(Lane),
    Any: json_values,
}
