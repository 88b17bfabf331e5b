"""What a change to the registry is, and that its audit record can neither get lost nor stand for two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.governance.assignment import Wrong, assigned, fact_of
from agents.governance.bearer import bearer
from agents.governance.change import Change, Who, audit_of, change_to, differences, removal, signed_by
from agents.governance.declared import declared_changes
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind, place_of_fact
from schemas.errors import ConfigurationError
from schemas.governance import KeyIssued, Scope, TeamRegistered
from schemas.policy import CacheMode
from tests.unit.governance.keys import ISSUED_AT, RING, issue, registry_of

WHO = Who("noor", "as agreed")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
DESK = TeamRegistered(tenant="acme", team="desk")
CACHELESS = fact_of(Kind.TEAM, {"tenant": "acme", "team": "desk", "policy": {"cache": False}})


def made(change: Change | None) -> Change:
    assert change is not None
    return change


def test_a_change_that_was_interrupted_and_is_made_again_is_one_record() -> None:
    first, again = (audit_of(made(change_to(CACHELESS, DESK)), WHO, at, "log/4") for at in (NOW, LATER))
    assert first.id == again.id


def test_what_is_made_and_unmade_and_made_again_is_as_many_records() -> None:
    held = signed_by(DESK, WHO, NOW)
    story = [
        (made(change_to(DESK, None)), "log/4"),
        (removal(place_of_fact(held), held), "log/5"),
        (made(change_to(DESK, None)), "log/6"),
        (made(change_to(CACHELESS, held)), "log/7"),
        (made(change_to(DESK, signed_by(CACHELESS, WHO, NOW))), "log/8"),
        (made(change_to(CACHELESS, signed_by(DESK, WHO, LATER))), "log/9"),
        (made(change_to(DESK, None)), "another log/4"),
    ]
    assert len({audit_of(change, WHO, NOW, version).id for change, version in story}) == len(story)


def test_an_audit_record_says_who_why_and_what() -> None:
    audit = audit_of(made(change_to(CACHELESS, DESK)), WHO, NOW, "log/4")
    assert (audit.actor, audit.action, audit.subject, audit.tenant) == (
        "noor",
        "team_changed",
        "acme/team/desk",
        "acme",
    )
    assert audit.reason == "as agreed (policy.cache: - → off)"


def test_what_holds_already_is_no_change() -> None:
    assert change_to(DESK, signed_by(DESK, WHO, NOW)) is None


def test_no_secret_is_told() -> None:
    issued = issue("a").fact
    told = " ".join(differences(Change(place_of_fact(issued), None, issued, "key_issued")))
    assert issued.secret_hash not in told
    assert issued.signing_key not in told


def test_fields_are_set_and_unset() -> None:
    held: dict[str, Any] = {"policy": {"cache": "off", "max_cost_usd": "1"}}
    content = assigned(held, ["policy.max_cost_usd=0.10", "rates.in_flight=5"], ["policy.cache"])
    assert content == {"policy": {"max_cost_usd": "0.1"}, "rates": {"in_flight": 5}}
    assert held["policy"]["cache"] == "off"
    for wrong in ("policy.cache", "=1", "policy=[", "policy.cache.x=1"):
        with pytest.raises(ConfigurationError, match="--set"):
            assigned(held, [wrong], [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"teem": 1}, "teem: no such field; did you mean team?"),
        ({"changed_by": "me"}, "changed_by: is filled in by Asahi; leave it out"),
        ({"policy": {"cach": "off"}}, "policy.cach: there is no such field"),
        ({"budgets": [{"period": "week", "limit_usd": 1}]}, "budgets.0.period: input should be"),
    ],
)
def test_a_wrong_field_is_named(content: dict[str, Any], said: str) -> None:
    with pytest.raises(Wrong) as wrong:
        fact_of(Kind.TEAM, {"tenant": "acme", "team": "desk", **content})
    assert wrong.value.message.startswith(said)


def test_off_means_off() -> None:
    assert isinstance(CACHELESS, TeamRegistered)
    assert CACHELESS.policy.cache is CacheMode.OFF


def declare(text: str, registry: Registry | None = None, *, prune: bool = False) -> list[str]:
    changes = declared_changes(text.encode(), "g.yaml", registry or Registry(), prune=prune)
    return [f"{change.place} {change.action}" for change in changes]


def test_what_is_made_comes_from_the_widest_to_the_narrowest_and_keys_keep_their_secrets() -> None:
    key = issue("a")
    text = (
        "tenants:\n- tenant: acme\n  reference_model: big\n  keys:\n"
        f"  - key_id: {key.fact.key_id}\n    rates: {{in_flight: 5}}\n"
        "  users:\n  - {user: amara, team: desk}\n  teams:\n  - {team: desk}\n"
    )
    registry = registry_of(key)
    assert declare(text, registry) == [
        "acme/team/desk team_registered",
        "acme/user/amara user_registered",
        f"acme/key/{key.fact.key_id} key_changed",
    ]
    changed = declared_changes(text.encode(), "g.yaml", registry, prune=False)[-1].after
    assert isinstance(changed, KeyIssued)
    assert (changed.signing_key, changed.secret_hash) == (key.fact.signing_key, key.fact.secret_hash)


def test_every_fault_of_a_file_is_told_with_its_line() -> None:
    text = (
        "tenants:\n- tenant: acme\n  reference_model: m\n  users:\n  - {user: a, team: nobody}\n  - {user: a}\n"
        "- tenant: acme\n  reference_model: m\n- reference_modl: m\n"
    )
    with pytest.raises(ConfigurationError) as wrong:
        declare(text)
    assert [line.partition(":")[0] for line in str(wrong.value).splitlines()] == [
        "g.yaml, line 5",
        "g.yaml, line 6",
        "g.yaml, line 7",
        "g.yaml, line 9",
    ]
    for text in ("", "tenants: 5", "- a", "tenants: []\nextra: 1", "tenants: [5]", "tenants: [{a: ]"):
        with pytest.raises(ConfigurationError, match=r"g\.yaml"):
            declare(text)


def test_whoever_shows_a_key_must_have_its_secret_and_the_scope() -> None:
    auditor, other = issue("a", scopes=(Scope.AUDITOR,)), issue("b")
    registry, now = registry_of(auditor, other), ISSUED_AT.timestamp()
    assert bearer(auditor.key, registry, RING, Scope.AUDITOR, now) == auditor.fact
    refused = {
        "wrong_scope": bearer(auditor.key, registry, RING, Scope.ANALYST, now),
        "unknown_key": bearer(auditor.key._replace(secret=other.key.secret), registry, RING, Scope.AUDITOR, now),
    }
    assert {code: getattr(found, "code", None) for code, found in refused.items()} == {code: code for code in refused}
