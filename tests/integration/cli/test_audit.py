"""The audit trail of a running stack: sealed while it runs, verified, queried, and true across restarts."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.governance.audit.keys import public_pem
from tests.integration.cli.commands import Asahi, Up, eventually, write_lines
from tests.integration.cli.test_commands import run_producer

REJECTED = 60


@pytest.fixture
def trail(asahi: Asahi, tmp_path: Path) -> Asahi:
    """Rejections are sealed and archived; sending them again changes nothing."""
    wrong = [{"id": f"wrong-{n}", "prompt": "x", "tenant": "nobody"} for n in range(REJECTED)]
    asahi("submit", str(write_lines(tmp_path / "in.jsonl", wrong)), "--output", str(tmp_path / "out.jsonl"))
    eventually(lambda: len(rows(asahi, "--action", "request_rejected", "--limit", "1000")) == REJECTED)
    return asahi


def rows(asahi: Asahi, *options: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = asahi("audit", "query", "--json", *options).json
    return found


def sealed(asahi: Asahi, *options: str) -> int:
    verified = asahi("audit", "verify", "--json", *options)
    assert (verified.code, verified.json["findings"]) == (0, [])
    return sum(chain["sealed"] for chain in verified.json["chains"])


def test_what_is_rejected_is_sealed_and_found(trail: Asahi) -> None:
    eventually(lambda: sealed(trail) >= REJECTED)
    assert sealed(trail, "--from", "log") >= REJECTED
    assert sealed(trail, "--since", "1h") >= REJECTED
    assert "sound" in trail("audit", "verify").out
    (one,) = rows(trail, "--subject", "wrong-7", "--outcome", "rejected", "--tenant", "nobody")
    assert one["reason"].startswith("unknown_tenant")
    assert len(rows(trail, "--action", "*_rej*", "--limit", "5")) == 5
    assert rows(trail, "--action", "request*", "--until", "1d") == []
    assert "wrong-7" in trail("audit", "query", "--subject", "wrong-7").out
    assert trail("audit", "query", "--since", "soon").code == 2
    assert trail("audit", "query", "--actor", "nobody at all").out == "no audit records\n"


def test_whoever_looks_at_content_is_on_record(asahi: Asahi, running: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_ACTOR", "amara")
    bootstrap = orjson.loads((running.data_dir / "stack.json").read_bytes())["bootstrap"]
    run_producer(bootstrap, [b"a secret that is no json"])
    eventually(lambda: bool(asahi("deadletter", "list", "--json").json))
    (letter,) = asahi("deadletter", "list", "--json").json
    assert "a secret" in asahi("deadletter", "show", letter["id"], "--reason", "ticket 7").out
    eventually(lambda: bool(rows(asahi, "--actor", "amara", "--action", "dead_letter_shown")))
    (shown,) = rows(asahi, "--actor", "amara", "--action", "dead_letter_shown")
    assert (shown["subject"], shown["tenant"], shown["reason"]) == (letter["id"], "demo", "ticket 7")
    assert asahi("replay", "--json").code == 0
    eventually(lambda: bool(rows(asahi, "--action", "tables_compared")))


def test_a_public_key_of_somebody_else_does_not_verify(trail: Asahi, tmp_path: Path) -> None:
    eventually(lambda: trail("audit", "verify", "--json").json["checkpoints"] > 0)
    ours = tmp_path / "ours.pem"
    ours.write_text(trail("audit", "key").out)
    assert sealed(trail, "--key", str(ours)) >= REJECTED
    theirs = tmp_path / "theirs.pem"
    theirs.write_text(public_pem(Ed25519PrivateKey.generate().public_key()))
    assert Asahi(tmp_path / "other", trail._capsys)("audit", "key").code == 2
    forged = trail("audit", "verify", "--json", "--key", str(theirs))
    assert forged.code == 1
    assert set(forged.json["counts"]) == {"checkpoint_forged"}


def test_killed_workers_and_a_new_log_go_on_with_the_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker is killed while it seals, then the stack is started again: the new log's chain names the old one's."""
    asahi = Asahi(tmp_path / "data", capsys)
    wrong = [{"id": f"wrong-{n}", "prompt": "x", "tenant": f"nobody-{n % 7}"} for n in range(3_000)]
    up = Up(asahi.data_dir, "--workers", "2")
    up.wait_for("Ctrl-C stops it")
    requests = write_lines(tmp_path / "in.jsonl", wrong)
    first = psutil.Process(up._process.pid)
    victim = next(one for one in first.children(recursive=True) if "agents.worker" in " ".join(one.cmdline()))
    victim.send_signal(signal.SIGKILL)
    asahi("submit", str(requests), "--output", str(tmp_path / "out.jsonl"))
    # A rejection under way at the kill may be recorded again: at least once.
    eventually(lambda: sealed(asahi) >= len(wrong))
    before = sealed(asahi)
    assert up.stop() == 0, up.said()

    up = Up(asahi.data_dir)
    up.wait_for("Ctrl-C stops it")
    again = [line | {"id": f"{line['id']}-again"} for line in wrong[:100]]
    requests = write_lines(tmp_path / "again.jsonl", again)
    asahi("submit", str(requests), "--output", str(tmp_path / "out-again.jsonl"))
    eventually(lambda: sealed(asahi) >= before + len(again))
    verified = asahi("audit", "verify", "--json").json
    logs = {chain["cluster"] for chain in verified["chains"]}
    assert len(logs) == 2
    assert sum(chain["attested"] for chain in verified["chains"]) > 0, "the new log vouches for the old one"
    assert up.stop() == 0, up.said()


def test_a_report_is_made_of_what_is_logged(asahi: Asahi, tmp_path: Path) -> None:
    lines = [{"id": f"asked-{n}", "prompt": f"question {n}", "user": "amara"} for n in range(20)]
    requests = write_lines(tmp_path / "in.jsonl", lines)
    asahi("submit", str(requests), "--output", str(tmp_path / "out.jsonl"))

    def requested() -> int:
        said = asahi("compliance", "report", "--tenant", "demo", "--format", "json")
        assert said.code == 0, said.err
        processing: dict[str, int] = said.json["evidence"]["processing"]
        return processing["requests"]

    eventually(lambda: requested() >= len(lines))
    page = tmp_path / "report.html"
    assert asahi("compliance", "report", "--tenant", "demo", "--since", "1d", "--output", str(page)).code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert "Compliance report: demo" in page.read_text()
    eventually(lambda: bool(rows(asahi, "--action", "compliance_reported", "--tenant", "demo")))
    backwards = asahi("compliance", "report", "--tenant", "demo", "--since", "1d", "--until", "2d")
    assert (backwards.code, "is not before" in backwards.err) == (2, True)
