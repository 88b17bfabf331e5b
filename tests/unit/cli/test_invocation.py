from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.settings import ProviderSettings, Settings
from streams.cli.invocation import Invocation, attach
from streams.cli.simulated import runs_simulated, simulated_only
from streams.embedded.identity import ProcessIdentity
from streams.embedded.state import StackState


@pytest.fixture
def state() -> StackState:
    return StackState(
        owner=ProcessIdentity.of_this_process(),
        cluster_id="embedded-1",
        bootstrap="127.0.0.1:4001",
        broker_pid=1,
        clickhouse_url="http://127.0.0.1:4002",
        clickhouse_pid=2,
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def reached(settings: Settings) -> tuple[str, str]:
    return settings.kafka.bootstrap, settings.clickhouse.url


def test_without_a_stack_the_configuration_holds(tmp_path: Path) -> None:
    assert reached(Invocation(tmp_path).attached()) == reached(Settings())


def test_a_running_stack_is_found_by_its_folder(tmp_path: Path, state: StackState) -> None:
    state.write(tmp_path)
    settings = Invocation(tmp_path).attached()
    assert reached(settings) == ("127.0.0.1:4001", "http://127.0.0.1:4002")
    assert settings.kafka.fetch_max_wait_ms == settings.embedded.fetch_max_wait_ms
    assert not settings.kafka.idempotent_producer


def test_a_stack_whose_owner_is_gone_is_not_used(tmp_path: Path, state: StackState) -> None:
    gone = state.model_copy(update={"owner": ProcessIdentity(pid=state.owner.pid, began="long ago")})
    gone.write(tmp_path)
    assert reached(Invocation(tmp_path).attached()) == reached(Settings())


def test_what_is_set_explicitly_wins_over_the_stack(
    tmp_path: Path, state: StackState, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.write(tmp_path)
    monkeypatch.setenv("ASAHI_KAFKA_BOOTSTRAP", "cluster:9092")
    settings = Invocation(tmp_path).attached()
    assert reached(settings) == ("cluster:9092", "http://127.0.0.1:4002")
    assert settings.kafka.idempotent_producer


def test_the_stack_s_own_processes_use_it_whatever_is_set(state: StackState) -> None:
    explicit = Settings(kafka={"bootstrap": "cluster:9092"})
    assert reached(attach(explicit, state, forced=True)) == ("127.0.0.1:4001", "http://127.0.0.1:4002")


def test_the_data_folder_may_be_configured_elsewhere(
    tmp_path: Path, state: StackState, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.write(tmp_path)
    monkeypatch.setenv("ASAHI_EMBEDDED_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASAHI_EMBEDDED_BROKER_PORT", "0")
    assert reached(Invocation().attached())[0] == "127.0.0.1:4001"
    assert Invocation(tmp_path / "other").settings().embedded.broker_port == 0


def test_a_stack_of_its_own_makes_no_real_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "ASAHI_PROVIDERS",
        '{"real": {"kind": "openai-compatible", "base_url": "http://there/v1"},'
        ' "slow": {"kind": "simulated", "latency_ms": 3}}',
    )
    settings = simulated_only(Invocation(), tmp_path / "own")
    assert settings.providers["real"] == ProviderSettings(kind="simulated")
    assert settings.providers["slow"].latency_ms == 3
    assert (settings.embedded.broker_port, settings.embedded.clickhouse_port) == (0, 0)
    assert settings.embedded.data_dir == tmp_path / "own"


def test_a_running_stack_counts_as_simulated_only_when_every_provider_is(
    tmp_path: Path, state: StackState, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not runs_simulated(Invocation(tmp_path).settings())
    state.write(tmp_path)
    assert runs_simulated(Invocation(tmp_path).settings())
    monkeypatch.setenv("ASAHI_PROVIDERS", '{"real": {"kind": "openai-compatible", "base_url": "http://there/v1"}}')
    assert not runs_simulated(Invocation(tmp_path).settings())


def test_where_nothing_runs_it_is_said_how_to_start(
    tmp_path: Path, state: StackState, monkeypatch: pytest.MonkeyPatch
) -> None:
    absence = Invocation(tmp_path).absence()
    assert str(tmp_path) in absence
    assert f"--data-dir {tmp_path} up`" in absence
    monkeypatch.setenv("ASAHI_KAFKA_BOOTSTRAP", "kafka:9092")
    assert Invocation(tmp_path).absence() == "", "brokers of one's own are started otherwise"
    monkeypatch.delenv("ASAHI_KAFKA_BOOTSTRAP")
    state.write(tmp_path)
    assert Invocation(tmp_path).absence() == ""
