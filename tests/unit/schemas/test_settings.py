from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings, KafkaSettings, config_file, load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no file of this checkout and no variable of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("ASAHI_")]:
        monkeypatch.delenv(variable)


def write_yaml(text: str) -> Path:
    path = config_file()
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.kafka == KafkaSettings()
    assert [tenant.tenant for tenant in settings.tenants] == ["demo"]


def test_yaml_sets_what_it_names_and_leaves_the_rest() -> None:
    write_yaml("kafka: {group: yaml-group}\ntenants: [{tenant: acme, reference_model: m}]\n")
    settings = load_settings()
    assert settings.kafka == KafkaSettings(group="yaml-group")
    assert [tenant.tenant for tenant in settings.tenants] == ["acme"]


def test_the_environment_sets_one_key_of_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_KAFKA_FETCH_MAX_WAIT_MS", "17")
    monkeypatch.setenv("ASAHI_INTAKE_MAX_DEPTH", "5")
    monkeypatch.setenv("ASAHI_MODELS_FILE", "elsewhere.yaml")
    settings = load_settings()
    assert settings.kafka == KafkaSettings(fetch_max_wait_ms=17)
    assert settings.intake.max_depth == 5
    assert settings.models_file == Path("elsewhere.yaml")


def test_the_later_source_wins_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_yaml("kafka: {group: yaml, bootstrap: yaml, partitions: 2}\n")
    (tmp_path / ".env").write_text("ASAHI_KAFKA_GROUP=dotenv\nASAHI_KAFKA_BOOTSTRAP=dotenv\nPATH_OF_OTHERS=1\n")
    monkeypatch.setenv("ASAHI_KAFKA_GROUP", "environment")
    kafka = load_settings().kafka
    assert (kafka.group, kafka.bootstrap, kafka.partitions) == ("environment", "dotenv", 2)


def test_arguments_win_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_KAFKA_GROUP", "environment")
    assert load_settings(kafka={"group": "argument"}).kafka.group == "argument"


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_yaml("kafka: {group: usual}\n")
    other = tmp_path / "other.yaml"
    other.write_text("kafka: {group: other}\n")
    monkeypatch.setenv("ASAHI_CONFIG", str(other))
    assert load_settings().kafka.group == "other"


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_CONFIG", "missing.yaml")
    with pytest.raises(ConfigurationError, match=r"ASAHI_CONFIG names 'missing\.yaml'"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("ASAHI_KAFKA_FETCH_MAX_WAIT_MS", "soon", "kafka.fetch_max_wait_ms"),
        ("ASAHI_KAFKA_PARTITIONS", "0", "kafka.partitions"),
        ("ASAHI_WORKER_LOG_LEVEL", "LOUD", "worker.log_level"),
        ("ASAHI_KAFKA_PARTITION", "8", "kafka.partition"),
    ],
)
def test_a_wrong_value_is_named_with_the_variable_that_sets_it(
    variable: str, value: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as wrong:
        load_settings()
    assert f"setting {setting}: " in str(wrong.value)
    assert variable in str(wrong.value)


def test_a_wrong_value_in_yaml_is_named_with_the_file() -> None:
    path = write_yaml("providers: {p: {kind: simulated, latency_ms: -1}}\n")
    with pytest.raises(ConfigurationError) as wrong:
        load_settings()
    assert "setting providers.p.latency_ms: " in str(wrong.value)
    assert str(path) in str(wrong.value)


@pytest.mark.parametrize("text", ["kafka: {group: [", "- a", "text"])
def test_a_file_of_another_form_is_named(text: str) -> None:
    path = write_yaml(text)
    with pytest.raises(ConfigurationError, match="the file maps sections to settings") as wrong:
        load_settings()
    assert str(path) in str(wrong.value)


def test_a_variable_that_must_be_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_TENANTS", "demo")
    with pytest.raises(ConfigurationError, match=r'"tenants".* is JSON'):
        load_settings()


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_CLICKHOUSE_PASSWORD", "hunter2")
    clickhouse: ClickHouseSettings = load_settings().clickhouse
    assert clickhouse.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(clickhouse)
