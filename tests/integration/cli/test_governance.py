"""`asahi governance` on a running stack: what is set holds, is audited, and gives no secret away."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.governance.encryption.places import files
from schemas.settings import ClickHouseSettings
from streams.tail import read_tail
from streams.topics import CATALOGUE
from streams.warehouse.client import Warehouse
from tests.integration.cli.commands import Asahi, Up, eventually

WHY = ("--reason", "a test")


def stack(running: Up) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((running.data_dir / "stack.json").read_bytes())
    return found


def rows(running: Up, sql: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with Warehouse(ClickHouseSettings(url=stack(running)["clickhouse_url"])) as warehouse:
            return await warehouse.rows(sql)

    return asyncio.run(ask())


def key_of(said: str) -> str:
    (key,) = re.findall(r"ask_[a-z0-9]+_[0-9A-Za-z]+", said)
    return str(key)


def test_teams_and_users_are_set_shown_and_removed_and_each_change_is_audited(asahi: Asahi, running: Up) -> None:
    budget = "budgets=[{period: month, limit_usd: 250}]"
    said = asahi("governance", "teams", "set", "desk", "--tenant", "demo", "--set", budget, *WHY)
    assert (said.code, said.out.splitlines()[0]) == (0, "+ demo/team/desk")
    assert "known to 1 worker" in said.err
    user = ("governance", "users", "set", "amara", "--tenant", "demo")
    assert asahi(*user, "--set", "team=desk", "--set", "policy.cache=off", *WHY, "--actor", "noor").code == 0
    assert asahi(*user, "--set", "team=desk", *WHY).out == "nothing changes\n"
    shown = asahi("governance", "users", "show", "amara", "--tenant", "demo", "--json").json
    assert (shown["team"], shown["policy"]["cache"], shown["changed_by"]) == ("desk", "off", "noor")
    assert "$250/month" in asahi("governance", "teams", "list").out
    (standing,) = asahi("governance", "budgets", "--tenant", "demo", "--json").json
    assert (standing["scope"], standing["name"], standing["period"]) == ("team", "desk", "month")
    assert (standing["limit_usd"], standing["reserved_usd"], standing["left_usd"]) == ("250", "0", "250")
    assert "demo/team/desk" in asahi("governance", "budgets").out
    assert asahi("governance", "budgets", "--tenant", "dmeo").code == 2
    listed = asahi("governance", "tenants", "list", "--tenant", "demo").out.splitlines()
    assert [line.split()[0] for line in listed] == ["tenant", "demo"]
    assert listed[0].count("tenant") == 1

    full = asahi("governance", "teams", "remove", "desk", "--tenant", "demo", *WHY)
    assert (full.code, "still has amara" in full.err) == (2, True)
    assert asahi("governance", "users", "remove", "amara", "--tenant", "demo", *WHY).code == 0
    assert asahi("governance", "teams", "remove", "desk", "--tenant", "demo", *WHY).code == 0
    assert asahi("governance", "teams", "list", "--json").json == []
    assert asahi("governance", "teams", "set", "desk", "--tenant", "demo", "--set", budget, *WHY).code == 0

    sql = "SELECT action, subject, actor FROM audit WHERE subject LIKE 'demo/%' AND subject NOT LIKE '%/key/%'"
    eventually(lambda: len(rows(running, sql)) == 5)
    audits = [tuple(row.values()) for row in rows(running, f"{sql} ORDER BY occurred_at")]
    assert [audit[:2] for audit in audits] == [
        ("team_registered", "demo/team/desk"),
        ("user_registered", "demo/user/amara"),
        ("user_removed", "demo/user/amara"),
        ("team_removed", "demo/team/desk"),
        ("team_registered", "demo/team/desk"),
    ]
    assert audits[1][2] == "noor"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("users", "set", "x", "--tenant", "demo", "--set", "polcy.cache=off"), "polcy: no such field; did you mean"),
        (("users", "set", "x", "--tenant", "demo", "--set", "rates.in_flight=0"), "rates.in_flight: input should be"),
        (("users", "set", "x", "--tenant", "demo", "--set", "team=nobody"), "there is no team 'nobody' of demo"),
        (("users", "set", "x", "--tenant", "stranger"), "there is no tenant 'stranger'"),
        (("users", "set", "x/y", "--tenant", "demo"), "user: string should match"),
        (("keys", "issue", "--tenant", "demo", "--expires", "soon"), "'soon' is no time"),
        (("keys", "revoke", "k0000000"), "there is no key 'k0000000'"),
        (("tenants", "set", "new"), "reference_model: field required"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(asahi: Asahi, arguments: tuple[str, ...], message: str) -> None:
    before = asahi("governance", "tenants", "list", "--json").json
    said = asahi("governance", *arguments, *WHY)
    assert (said.code, message in said.err) == (2, True), said.err
    assert asahi("governance", "tenants", "list", "--json").json == before


def test_a_file_is_applied_after_its_difference_is_shown(asahi: Asahi, tmp_path: Path) -> None:
    file = tmp_path / "governance.yaml"
    file.write_text(
        "tenants:\n"
        "  - tenant: filed\n"
        "    reference_model: gpt-4-turbo\n"
        "    users: [{user: bela, team: desk}]\n"
        "    teams:\n"
        "      - team: desk\n"
        "        policy: {cache: off}\n"
    )
    apply = ("governance", "apply", "-f", str(file), *WHY)
    dry = asahi(*apply, "--dry-run")
    assert [line for line in dry.out.splitlines() if line[0] in "+~-"] == [
        "+ filed",
        "+ filed/team/desk",
        "+ filed/user/bela",
    ]
    unasked = asahi(*apply)
    assert (unasked.code, "3 changes not made; say --yes" in unasked.err) == (2, True)
    assert "dry run: nothing was changed; without --dry-run it would be 3 changes" in dry.out
    stranger = asahi("governance", "users", "list", "--tenant", "filed", "--json")
    assert (stranger.code, "no organization 'filed' is registered" in stranger.err) == (2, True)
    assert asahi(*apply, "--yes").code == 0
    assert asahi(*apply, "--yes").out == "nothing changes\n"
    file.write_text("tenants:\n  - tenant: filed\n    reference_model: gpt-4-turbo\n    teams: [{team: desk}]\n")
    pruned = asahi(*apply, "--yes", "--prune", "--json")
    assert [change["action"] for change in pruned.json] == ["team_changed", "user_removed"]

    file.write_text("tenants:\n  - tenant: filed\n    users:\n      - user: bela\n        rates: {in_flight: none}\n")
    wrong = asahi(*apply, "--yes")
    assert wrong.code == 2
    assert "governance.yaml, line 2: tenants.0.reference_model: field required" in wrong.err
    assert "governance.yaml, line 5: tenants.0.users.0.rates.in_flight: " in wrong.err


def test_a_key_signs_until_it_is_revoked_and_its_secret_is_nowhere(
    asahi: Asahi, running: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = asahi("governance", "keys", "issue", "--tenant", "demo", "--expires", "1d", *WHY)
    first = key_of(issue.out)
    assert first not in issue.err
    rotated = asahi("governance", "keys", "rotate", first.split("_")[1], *WHY, "--json").json
    second = rotated["key"]
    assert rotated["replaces"] == first.split("_")[1]
    for key in (first, second):
        assert asahi("infer", "--prompt", "Good morning", "--key", key).code == 0
    monkeypatch.setenv("ASAHI_API_KEY", first)
    revoked = asahi("governance", "keys", "revoke", first.split("_")[1], *WHY)
    assert "revoked_at" in revoked.out
    assert asahi("infer", "--prompt", "Good morning", "--timeout", "2").code == 1
    assert asahi("infer", "--prompt", "Good morning", "--key", second).code == 0
    eventually(lambda: [one["code"] for one in asahi("deadletter", "list", "--json").json] == ["revoked_key"])
    (letter,) = asahi("deadletter", "list", "--json").json
    monkeypatch.setenv("ASAHI_API_KEY", second)
    assert asahi("deadletter", "replay", letter["id"]).code == 0
    states = {key["key_id"]: key["state"] for key in asahi("governance", "keys", "list", "--json").json}
    assert states == {first.split("_")[1]: "revoked", second.split("_")[1]: "good"}

    secrets = [key.split("_")[2].encode() for key in (first, second)]
    log = asyncio.run(everything_on_the_log(stack(running)["bootstrap"]))
    assert len(log) > 10
    assert not [secret for secret in secrets if any(secret in part for part in log)]
    read = list(files(running.data_dir))
    assert read
    assert not [path for path, chunk in read for secret in secrets if secret in chunk]


def test_whoever_acts_with_a_key_must_be_an_administrator_of_the_tenant(asahi: Asahi) -> None:
    issue = ("governance", "keys", "issue", "--tenant", "demo", *WHY)
    chief = key_of(asahi(*issue, "--scope", "administrator").out)
    producer = key_of(asahi(*issue).out)
    change = ("governance", "teams", "set", "ops", "--tenant", "demo", *WHY, "--as-key")
    for key, code in ((producer, "wrong_scope"), (f"{chief[:-3]}000", "unknown_key")):
        refused = asahi(*change, key)
        assert (refused.code, f"--as-key: {code}: " in refused.err) == (2, True), refused.err
    foreign = asahi("governance", "tenants", "set", "other", "--set", "reference_model=m", *WHY, "--as-key", chief)
    assert (foreign.code, "wrong_tenant" in foreign.err) == (2, True)
    assert asahi(*change, chief).code == 0
    shown = asahi("governance", "teams", "show", "ops", "--tenant", "demo", "--json").json
    assert shown["changed_by"] == f"key {chief.split('_')[1]}"


async def everything_on_the_log(bootstrap: str) -> list[bytes]:
    """Return every value and header of every topic."""
    from schemas.settings import KafkaSettings

    kafka = KafkaSettings(bootstrap=bootstrap, fetch_max_wait_ms=4)
    places = {(topic.name, p): 0 for topic in CATALOGUE for p in range(topic.partitions(kafka))}
    parts: list[bytes] = []
    async for records in read_tail(kafka, places):
        for record in records:
            parts += [record.value or b"", *(value for _, value in record.headers)]
    return parts


def test_status_says_aloud_that_nobody_has_to_sign(asahi: Asahi, running: Up) -> None:
    said = asahi("status")
    assert "UNSIGNED MODE" in said.out
    assert "UNSIGNED MODE" in running.said()
    document = asahi("status", "--json").json
    assert document["unsigned_mode"] is True
    (worker,) = document["workers"]
    assert worker["signatures"] == "optional"
    assert worker["governance"]["behind"] == 0
    assert worker["governance"]["offset"] > 0


def test_what_was_set_holds_when_the_configuration_is_registered_again(asahi: Asahi) -> None:
    changed = asahi("governance", "tenants", "set", "demo", "--set", "policy.cache=read_only", *WHY)
    assert changed.code == 0
    assert asahi("topics", "--create").code == 0
    shown = asahi("governance", "tenants", "show", "demo", "--json").json
    assert shown["policy"]["cache"] == "read_only"
