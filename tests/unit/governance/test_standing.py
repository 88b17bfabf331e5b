"""Whether anything holds at all for requests under a chain of scopes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.limits import limits_problem
from agents.governance.policies import policy_problem
from agents.governance.standing import standing_of
from schemas.policy import Policy
from schemas.tenant import TenantLimits
from tests.flow.journeys import a_request
from tests.unit.governance.scopes import NAMES, chain, numbers, policies
from tests.unit.governance.strategies import modest

limits = st.builds(
    TenantLimits,
    max_input_tokens=numbers,
    max_output_tokens=numbers,
    allowed_models=st.none() | st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
)
asked = st.fixed_dictionaries(
    {"sampling": st.sampled_from([{}, {"max_output_tokens": 200}])},
    optional={"task_type": st.sampled_from(NAMES), "cache": st.just({"directive": "only"})},
) | st.sampled_from(NAMES).map(lambda name: {"mode": "explicit", "model": name})


@pytest.mark.parametrize("rates", [{}, {"requests_per_minute": 5}])
def test_one_rule_anywhere_is_a_rule(rates: dict[str, int]) -> None:
    assert standing_of(chain({"limits": TenantLimits(**rates)}, {}, {}, {})).ruled == bool(rates)
    assert standing_of(chain({}, {}, {"policy": Policy(max_input_tokens=5)})).ruled


@modest
@given(st.just(TenantLimits()) | limits, st.just(Policy()) | policies, asked, st.integers(1, 1000))
def test_where_there_is_no_rule_nothing_speaks_against_any_request(
    limits: TenantLimits, policy: Policy, asked: dict[str, Any], tokens: int
) -> None:
    scopes = chain({"limits": limits}, {"policy": policy})
    standing, request = standing_of(scopes), a_request(**asked)
    problem = limits_problem(request, tokens, limits) or policy_problem(request, tokens, standing.policy)
    assert standing.ruled or problem is None
