from __future__ import annotations

import inspect
import re

import pytest

from schemas import errors
from schemas.errors import (
    AsahiError,
    InvalidEvent,
    ProviderError,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreadable,
    WarehouseError,
)
from schemas.wire import Tokens

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
DRAWN = re.compile(r"^(?P<lines>[│├└─ ]*)(?P<name>[A-Z]\w+)")
INDENT = 4


def drawn_parents() -> dict[str, str | None]:
    """Return each class of the drawn tree with its parent there."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    drawing = (errors.__doc__ or "").split("```")[1]
    for line in drawing.strip().splitlines():
        found = DRAWN.match(line)
        assert found is not None, line
        depth = len(found["lines"]) // INDENT
        path[depth:] = [found["name"]]
        parents[found["name"]] = path[depth - 1] if depth else None
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES if kind is not AsahiError}
    assert drawn_parents() == {"AsahiError": None} | real


@pytest.mark.parametrize(
    ("kind", "retryable"), [(ProviderTimeout, True), (ProviderOverloaded, True), (ProviderRefused, False)]
)
def test_a_provider_error_says_whether_another_attempt_makes_sense(
    kind: type[ProviderError], retryable: bool
) -> None:
    error = kind("some_code", "what happened", retry_after=2.5)
    assert (error.code, error.message, error.retry_after, error.retryable) == (
        "some_code",
        "what happened",
        2.5,
        retryable,
    )
    assert str(error) == "what happened"


def test_an_invalid_event_names_field_and_remedy() -> None:
    error = InvalidEvent("invalid_field", "tenant: is missing", "add tenant", "tenant")
    assert (error.code, error.message, error.remedy, error.field) == (
        "invalid_field",
        "tenant: is missing",
        "add tenant",
        "tenant",
    )
    assert str(error) == "tenant: is missing"


def test_an_unreadable_answer_may_have_been_billed() -> None:
    error = ProviderUnreadable("unreadable", "no choices", Tokens(10, 0, 5))
    assert (error.retryable, error.retry_after, error.tokens) == (True, None, Tokens(10, 0, 5))


def test_a_refused_statement_carries_clickhouse_s_number() -> None:
    assert (str(WarehouseError("unknown table", 60)), WarehouseError("unknown table", 60).code) == (
        "unknown table",
        60,
    )
    assert WarehouseError("cut off").code is None
