"""`governance.yaml`: what is to hold, as one file. Errors name the line and the field.

```yaml
tenants:
  - tenant: acme
    reference_model: gpt-4-turbo
    budgets: [{period: month, limit_usd: 1000}]
    teams:
      - team: search
        policy: {allowed_models: [gpt-4o-mini]}
    users:
      - user: amara
        team: search
    keys:
      - key_id: k7f3m2q9x4t8w1z6
        rates: {requests_per_minute: 60}
```

Keys are issued, not declared: a file may say what holds for those that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from agents.governance.assignment import Wrong, fact_of
from agents.governance.change import Change, change_to, kinds_in_order, removal
from agents.governance.registry import Registry
from agents.governance.registry.places import Fact, Kind, Place, place_of_fact
from schemas.errors import ConfigurationError
from schemas.governance import KeyIssued, UserRegistered
from schemas.located_yaml import Located, Path, parse_located

BELOW: Mapping[str, tuple[Kind, str]] = {
    "teams": (Kind.TEAM, "team"),
    "users": (Kind.USER, "user"),
    "keys": (Kind.KEY, "key_id"),
}


def declared_changes(text: bytes, name: str, registry: Registry, *, prune: bool) -> list[Change]:
    """Return what must change so that the registry says what a file says.

    Args:
        text: The file.
        name: Its name, for errors.
        registry: What holds now.
        prune: Whether teams and users that the file leaves out of its tenants are removed.

    Raises:
        ConfigurationError: The file is wrong; every fault is told with its line and field.
    """
    try:
        document = parse_located(text)
    except yaml.YAMLError as wrong:
        raise ConfigurationError(f"{name}: not YAML: {wrong}") from wrong
    faults = [(line, f"{_dotted(path)} is given twice; keep one") for path, line in document.repeated]
    facts: dict[Place, Fact] = {}
    for path, fact in _facts(document, registry, faults):
        place = place_of_fact(fact)
        if place in facts:
            faults.append((document.line_of(path), f"{place} is listed twice; keep one"))
        facts[place] = fact
        if isinstance(fact, UserRegistered) and fact.team is not None:
            _check_team(document, path, fact, facts, registry, faults)
    if faults:
        raise ConfigurationError("\n".join(f"{name}, line {line}: {said}" for line, said in sorted(faults)))
    changes = [change for fact in facts.values() if (change := change_to(fact, registry.at(place_of_fact(fact))))]
    if prune:
        changes += _pruned(facts, registry)
    return sorted(changes, key=kinds_in_order)


def _facts(document: Located, registry: Registry, faults: list[tuple[int, str]]) -> Iterator[tuple[Path, Fact]]:
    """Give every fact that is right, organizations and teams first; what is wrong goes to `faults`."""
    content = document.value
    tenants = content.get("tenants") if isinstance(content, dict) else None
    if not isinstance(tenants, list) or set(content) != {"tenants"}:
        faults.append((1, "the file must be a mapping with `tenants`, a list, and nothing else"))
        return
    for number, entry in enumerate(tenants):
        path: Path = ("tenants", number)
        if not isinstance(entry, dict):
            faults.append((document.line_of(path), f"{_dotted(path)}: not a mapping"))
            continue
        own = {name: value for name, value in entry.items() if name not in BELOW}
        tenant = _fact(document, path, Kind.TENANT, own, faults)
        if tenant is not None:
            yield path, tenant
        for name, (kind, _) in BELOW.items():
            listed = entry.get(name) or []
            if not isinstance(listed, list):
                faults.append((document.line_of((*path, name)), f"{_dotted((*path, name))}: not a list"))
                continue
            for position, inner in enumerate(listed):
                fact = _below(document, (*path, name, position), kind, entry.get("tenant"), inner, registry, faults)
                if fact is not None:
                    yield (*path, name, position), fact


def _below(
    document: Located,
    path: Path,
    kind: Kind,
    tenant: Any,
    inner: Any,
    registry: Registry,
    faults: list[tuple[int, str]],
) -> Fact | None:
    if not isinstance(inner, dict):
        faults.append((document.line_of(path), f"{_dotted(path)}: not a mapping"))
        return None
    if kind is not Kind.KEY:
        return _fact(document, path, kind, {"tenant": tenant, **inner}, faults)
    known = registry.key(str(inner.get("key_id")))
    if known is None or known.tenant != tenant:
        said = f"{_dotted(path)}.key_id: {tenant} has no such key; issue it with `asahi governance keys issue`"
        faults.append((document.line_of((*path, "key_id")), said))
        return None
    held = known.model_dump(mode="json", exclude={"version", "changed_by", "reason", "changed_at", *_SECRETS})
    placeholder = dict.fromkeys(_SECRETS, "")
    fact = _fact(document, path, kind, held | inner, faults, placeholder)
    assert fact is None or isinstance(fact, KeyIssued)
    return None if fact is None else fact.model_copy(update={name: getattr(known, name) for name in _SECRETS})


_SECRETS = ("secret_hash", "signing_key")


def _fact(
    document: Located,
    path: Path,
    kind: Kind,
    content: dict[str, Any],
    faults: list[tuple[int, str]],
    filled_in: Mapping[str, str] | None = None,
) -> Fact | None:
    try:
        return fact_of(kind, content, filled_in)
    except Wrong as wrong:
        place = (*path, *wrong.path)
        faults.append((document.line_of(place), f"{_dotted(path)}.{wrong.message}"))
        return None


def _check_team(
    document: Located,
    path: Path,
    user: UserRegistered,
    facts: Mapping[Place, Fact],
    registry: Registry,
    faults: list[tuple[int, str]],
) -> None:
    team = Place(Kind.TEAM, user.tenant, user.team or "")
    if team not in facts and registry.at(team) is None:
        said = f"{_dotted(path)}.team: {user.tenant} has no team {user.team}; add it to teams, or correct its name"
        faults.append((document.line_of((*path, "team")), said))


def _pruned(facts: Mapping[Place, Fact], registry: Registry) -> Iterator[Change]:
    for tenant in {place.tenant for place in facts}:
        for known in registry.below(tenant):
            if not isinstance(known, KeyIssued) and place_of_fact(known) not in facts:
                yield removal(place_of_fact(known), known)


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
