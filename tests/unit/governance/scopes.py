"""Chains of scopes with policies and rates of their own, and as hypothesis strategies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from agents.governance.registry import Scopes
from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.policy import CacheMode, EncryptionMode, Failing, PersonalDataMode, Policy, Rates
from schemas.tenant import TenantRegistered
from tests.unit.governance.keys import issue

NAMES = ("a", "b", "c", "d")
KEY = issue("k1", "acme").fact


def chain(
    tenant: dict[str, Any] | None = None,
    team: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    key: dict[str, Any] | None = None,
) -> Scopes:
    """Return the scopes of a request: `policy`, `rates` and `limits` of each that there is."""
    return Scopes(
        TenantRegistered(tenant="acme", reference_model="big", **(tenant or {})),
        None if team is None else TeamRegistered(tenant="acme", team="search", **team),
        None if user is None else UserRegistered(tenant="acme", user="amara", **user),
        None if key is None else keyed(**key),
    )


def keyed(**fields: Any) -> KeyIssued:
    """Return a key with a policy or rates."""
    return KEY.model_copy(update=fields)


numbers = st.none() | st.integers(1, 1000)
allowed = st.none() | st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
policies = st.builds(
    Policy,
    allowed_models=allowed,
    allowed_providers=allowed,
    allowed_task_types=allowed,
    max_input_tokens=numbers,
    max_output_tokens=numbers,
    max_cost_usd=st.none() | st.integers(1, 100).map(Decimal),
    personal_data=st.none() | st.sampled_from(PersonalDataMode),
    cache=st.none() | st.sampled_from(CacheMode),
    encryption=st.none() | st.sampled_from(EncryptionMode),
    retention_days=numbers,
    failing=st.none() | st.sampled_from(Failing),
)
some_rates = st.builds(
    Rates,
    requests_per_minute=st.none() | st.integers(1, 300),
    request_burst=st.none() | st.integers(1, 5),
    tokens_per_minute=st.none() | st.integers(60, 6000),
    token_burst=st.none() | st.integers(50, 500),
    in_flight=st.none() | st.integers(1, 4),
)
