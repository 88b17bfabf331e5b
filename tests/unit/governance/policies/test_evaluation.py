"""What the policies of nested scopes come to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.policies import effective_policy
from agents.governance.registry import Registry, Scopes
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy, Permitted, Restriction, Ruling
from schemas.policy import CacheMode, EncryptionMode, Failing, PersonalDataMode, Policy
from tests.unit.governance.scopes import NAMES, chain, policies
from tests.unit.governance.strategies import modest

CLOSED, OPEN = Policy(failing=Failing.CLOSED), Policy(failing=Failing.OPEN)
SILENT = Policy()


def test_without_rules_nothing_is_restricted() -> None:
    assert effective_policy(chain(user={}, key={})) == UNRESTRICTED


def test_the_strictest_holds_and_says_whose_it_is() -> None:
    found = effective_policy(
        chain(
            {"policy": Policy(max_input_tokens=900, max_cost_usd=Decimal(1), cache=CacheMode.READ_ONLY)},
            {"policy": Policy(max_input_tokens=100, personal_data=PersonalDataMode.BLOCK)},
            {"policy": Policy(max_input_tokens=100, cache=CacheMode.USE, max_cost_usd=Decimal("0.5"))},
            {"policy": Policy(max_input_tokens=500, personal_data=PersonalDataMode.FLAG)},
        )
    )
    assert found == EffectivePolicy(
        max_input_tokens=Ruling(100, "team search"),
        max_cost_usd=Ruling(Decimal("0.5"), "user amara"),
        personal_data=Ruling(PersonalDataMode.BLOCK, "team search"),
        cache=Ruling(CacheMode.READ_ONLY, "tenant acme"),
    )


def test_names_must_be_allowed_by_everybody_and_the_widest_who_leaves_one_out_is_told() -> None:
    found = effective_policy(
        chain(
            {"policy": Policy(allowed_models=("b", "a", "c"))},
            {"policy": Policy(allowed_models=("a", "b", "d"))},
            {"policy": Policy(allowed_models=("a",), allowed_providers=("east",))},
        )
    )
    models, providers = found.allowed_models, found.allowed_providers
    assert models is not None
    assert models.names == ("a",)
    assert [models.excluding(name) for name in NAMES] == [None, "user amara", "team search", "tenant acme"]
    assert models.by == "tenant acme and team search and user amara"
    assert providers == Restriction(("east",), (("user amara", ("east",)),))
    assert found.permitted == Permitted(models, providers)


@pytest.mark.parametrize(
    ("tenant", "user", "opened", "ruling"),
    [
        (SILENT, SILENT, False, None),
        (SILENT, OPEN, False, None),
        (OPEN, SILENT, True, Ruling(Failing.OPEN, "tenant acme")),
        (OPEN, CLOSED, False, Ruling(Failing.CLOSED, "user amara")),
        (CLOSED, OPEN, False, Ruling(Failing.CLOSED, "tenant acme")),
    ],
)
def test_only_an_organization_opens_what_fails(
    tenant: Policy, user: Policy, opened: bool, ruling: Ruling[Failing] | None
) -> None:
    found = effective_policy(chain({"policy": tenant}, None, {"policy": user}))
    assert (found.fails_open, found.failing) == (opened, ruling)


def test_answers_are_shared_under_equal_rules_whoever_made_them() -> None:
    rules = Policy(allowed_models=("a", "b"), max_output_tokens=5)
    turned = rules.model_copy(update={"allowed_models": ("b", "a")})
    by_team, by_user = chain(team={"policy": rules}), chain(user={"policy": turned})
    assert effective_policy(by_team).sharing == effective_policy(by_user).sharing != ""
    others = [Policy(allowed_models=("a",)), Policy(allowed_providers=("a",)), Policy(allowed_task_types=("a",))]
    assert len({effective_policy(chain({"policy": other})).sharing for other in others}) == len(others)
    assert effective_policy(chain({"policy": Policy(max_input_tokens=5, cache=CacheMode.OFF)})).sharing == ""


def admits(policy: EffectivePolicy) -> dict[str, float | frozenset[str]]:
    """Return how much each field lets pass: more is wider."""

    def names(restriction: Restriction | None) -> frozenset[str]:
        return frozenset(NAMES if restriction is None else restriction.names)

    def number(ruling: Ruling[int] | Ruling[Decimal] | None) -> float:
        return float("inf") if ruling is None else float(ruling.value)

    encryption = EncryptionMode.OFF if policy.encryption is None else policy.encryption.value
    return {
        "models": names(policy.allowed_models),
        "providers": names(policy.allowed_providers),
        "task types": names(policy.allowed_task_types),
        "input": number(policy.max_input_tokens),
        "output": number(policy.max_output_tokens),
        "cost": number(policy.max_cost_usd),
        "retention": number(policy.retention_days),
        "personal data": -list(PersonalDataMode).index(policy.personal_data_mode),
        "cache": -list(CacheMode).index(policy.cache_mode),
        "encryption": -list(EncryptionMode).index(encryption),
        "failing": float(policy.fails_open),
    }


@modest
@given(st.tuples(policies, policies, policies, policies))
def test_a_narrower_scope_never_widens(said: tuple[Policy, Policy, Policy, Policy]) -> None:
    tenant, team, user, key = ({"policy": policy} for policy in said)
    wide: list[Scopes] = [chain(tenant), chain(tenant, team), chain(tenant, team, user)]
    narrow = [*wide[1:], chain(tenant, team, user, key)]
    for wider, narrower in zip(wide, narrow, strict=True):
        before, after = admits(effective_policy(wider)), admits(effective_policy(narrower))
        for field, amount in after.items():
            assert amount <= before[field], field  # type: ignore[operator]  # a set or a number, as before


@modest
@given(st.tuples(policies, policies, policies, policies))
def test_every_scope_s_own_rule_holds(said: tuple[Policy, Policy, Policy, Policy]) -> None:
    tenant, team, user, key = ({"policy": policy} for policy in said)
    together = admits(effective_policy(chain(tenant, team, user, key)))
    for policy in said:
        alone = admits(effective_policy(chain({"policy": policy})))
        for field, amount in together.items():
            if field != "failing":  # only an organization opens
                assert amount <= alone[field], field  # type: ignore[operator]  # a set or a number, as before


def test_it_is_worked_out_once_per_chain() -> None:
    registry = Registry()
    registry.register(chain().tenant)
    first, again = registry.scope_chain("acme"), registry.scope_chain("acme")
    assert first is not None
    assert again is not None
    assert first.once(effective_policy) is again.once(effective_policy)
    registry.register(chain({"policy": Policy(max_input_tokens=1)}).tenant)
    changed = registry.scope_chain("acme")
    assert changed is not None
    assert changed.once(effective_policy).max_input_tokens == Ruling(1, "tenant acme")
