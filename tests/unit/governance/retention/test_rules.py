"""Whose content may be kept for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.policies import effective_policy
from agents.governance.registry import Registry
from agents.governance.retention.rules import Horizon, Rules, rules_of
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import Policy
from schemas.tenant import TenantRegistered
from tests.unit.governance.keys import issue
from tests.unit.governance.strategies import modest

TENANTS, TEAMS, USERS = ("acme", "zeta"), ("search", "sales"), ("amara", "noor", "kim")
KEYS = ("k1", "k2")
some_days = st.none() | st.integers(1, 40)


def policy(days: int | None) -> Policy:
    return Policy(retention_days=days)


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """Return organizations with teams, users and keys, any of which may limit what is kept."""
    made = Registry()
    for tenant in TENANTS:
        made.register(TenantRegistered(tenant=tenant, reference_model="big", policy=policy(draw(some_days))))
        for team in TEAMS:
            made.register(TeamRegistered(tenant=tenant, team=team, policy=policy(draw(some_days))))
        for user in draw(st.sets(st.sampled_from(USERS))):
            member = UserRegistered(tenant=tenant, user=user, team=draw(st.none() | st.sampled_from(TEAMS)))
            made.register(member.model_copy(update={"policy": policy(draw(some_days))}))
        for name in KEYS:
            whose = draw(st.sampled_from([{}, {"user": "amara"}, {"team": "search"}, {"team": "sales"}]))
            made.register(issue(f"{tenant}{name}", tenant, policy=policy(draw(some_days)), **whose).fact)
    return made


def cases(registry: Registry) -> list[tuple[str, str | None, str | None]]:
    """Return every owner that a request may have: its key's user where the key has one."""
    found: list[tuple[str, str | None, str | None]] = []
    for tenant in TENANTS:
        found += [(tenant, user, None) for user in (None, "stranger", *USERS)]
        for key in registry.keys(tenant):
            users = (None, "stranger", *USERS) if key.user is None else (None, key.user)
            found += [(tenant, user, key.key_id) for user in users]
    return found


def effective(registry: Registry, tenant: str, user: str | None, key_id: str | None) -> int | None:
    scopes = registry.scope_chain(tenant, user, key_id)
    assert scopes is not None
    ruling = effective_policy(scopes).retention_days
    return None if ruling is None else ruling.value


@modest
@given(registries())
def test_it_is_what_the_policies_of_all_scopes_come_to(registry: Registry) -> None:
    rules = rules_of(registry)
    for case in cases(registry):
        assert rules.days_of(*case) == effective(registry, *case), case


@modest
@given(registries(), some_days)
def test_a_narrower_scope_never_widens(registry: Registry, more: int | None) -> None:
    before = {case: rules_of(registry).days_of(*case) for case in cases(registry)}
    organization = registry.get("acme")
    assert organization is not None
    for fact in registry.below("acme"):
        registry.register(fact.model_copy(update={"policy": policy(more)}))
    rules = rules_of(registry)
    limit = organization.policy.retention_days
    for tenant, user, key_id in before:
        days = rules.days_of(tenant, user, key_id)
        if tenant == "acme" and limit is not None:
            assert days is not None
            assert days <= limit
        if tenant != "acme":
            assert days == before[tenant, user, key_id], "nobody else's is touched"


@modest
@given(registries())
def test_organizations_without_any_limit_are_told_apart(registry: Registry) -> None:
    rules = rules_of(registry)
    limited = {tenant for tenant, user, key_id in cases(registry) if rules.days_of(tenant, user, key_id) is not None}
    assert not limited & rules.unlimited
    assert set(rules.fewest()) | rules.unlimited == set(TENANTS)


def test_where_nobody_limits_anything_there_are_no_rules() -> None:
    registry = Registry()
    registry.register(TenantRegistered(tenant="acme", reference_model="big"))
    assert not rules_of(registry)
    assert not rules_of(Registry())
    assert rules_of(registry).days_of("acme") is None


def test_a_tenant_that_is_not_registered_has_no_limit() -> None:
    registry = Registry()
    registry.register(TeamRegistered(tenant="acme", team="search", policy=policy(1)))
    assert rules_of(registry).days_of("acme") is None


def test_topics_may_keep_longer_than_somebody_s_policy_lets_them() -> None:
    users = frozenset({("zeta", "kim")})
    rules = Rules((Horizon(2, users=users), Horizon(7, frozenset({"acme", "zeta"})), Horizon(8, frozenset({"c"}))))
    assert rules.shorter_than(168) == {"zeta": 2}
    assert rules.shorter_than(169) == {"acme": 7, "zeta": 2}
    assert rules.shorter_than(48) == {}


def test_the_digest_tells_rules_apart_whatever_their_order() -> None:
    one, other = (("a", "b"), ("c", "d")), (("c", "d"), ("a", "b"))
    assert Rules((Horizon(1, users=frozenset(one)),)).digest == Rules((Horizon(1, users=frozenset(other)),)).digest
    assert Rules((Horizon(1, users=frozenset(one)),)).digest != Rules((Horizon(2, users=frozenset(one)),)).digest
    assert Rules((Horizon(1),), frozenset({("a", "b")})).digest != Rules((Horizon(1),)).digest


def test_days_count_back_from_now() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    assert Horizon(3).cutoff(now) == now - timedelta(days=3)
