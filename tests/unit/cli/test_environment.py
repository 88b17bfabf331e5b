from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.settings import ClickHouseSettings, EmbeddedSettings, KafkaSettings, ProviderSettings, Settings
from schemas.tenant import TenantLimits, TenantRegistered
from streams.cli.environment import SOURCES, environment_of


def test_a_child_gets_exactly_these_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        kafka=KafkaSettings(bootstrap="broker:1", idempotent_producer=False, fetch_max_wait_ms=4),
        clickhouse=ClickHouseSettings(url="http://there:2", password=SecretStr("geheim")),
        embedded=EmbeddedSettings(data_dir=tmp_path / "data"),
        models_file=tmp_path / "models.yaml",
        providers={
            "plain": ProviderSettings(kind="simulated", latency_ms=2.5),
            "taped": ProviderSettings(
                kind="recorded", recording=tmp_path / "tape.csv.gz", recorded_columns={"gpt-4": "answer"}
            ),
        },
        tenants=(
            TenantRegistered(
                tenant="acme", reference_model="gpt-4-turbo", limits=TenantLimits(allowed_models=("gpt-4-turbo",))
            ),
        ),
    )
    child = environment_of(settings)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in child.items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_relative_paths_become_absolute(tmp_path: Path) -> None:
    child = environment_of(Settings(embedded=EmbeddedSettings(data_dir=Path("data"))))
    assert child["ASAHI_EMBEDDED_DATA_DIR"] == str(tmp_path / "data")
    assert child["ASAHI_MODELS_FILE"] == str(tmp_path / "config/models.yaml")


def test_a_configuration_file_is_spelled_out_and_not_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("kafka: {bootstrap: 'broker:7'}")
    monkeypatch.setenv("ASAHI_CONFIG", "mine.yaml")
    child = environment_of(Settings())
    assert child["ASAHI_KAFKA_BOOTSTRAP"] == "broker:7"
    assert "ASAHI_CONFIG" not in child


def test_a_child_finds_our_packages_from_any_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/more")
    assert environment_of(Settings())["PYTHONPATH"] == f"{SOURCES}{os.pathsep}/opt/more"
    assert (SOURCES / "streams" / "cli").is_dir()
