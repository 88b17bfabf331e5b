"""The cluster's configuration: what can be known of it without a Docker engine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from aiokafka import AIOKafkaConsumer

from agents.governance.registry import Registry
from agents.governance.signatures.configured import configured_entrances
from schemas.errors import ConfigurationError
from schemas.registry import ModelRegistry
from schemas.settings import Settings, Signatures, load_settings
from streams.cli.signed import KEY_VARIABLE
from streams.topics import GOVERNANCE
from tests.kafka.jars import ensure_jars, java
from tests.unit.docs.checking import check_asahi

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "worker", "sink", "analyst", "metrics")
PATIENCE_SECONDS = 60
RUNS_ON = ("kafka", "clickhouse", "worker", "sink", "analyst", "metrics")


def compose_command() -> list[str] | None:
    """Return how compose is called here, or None where it is not."""
    if shutil.which("docker") is not None:
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") is not None else None


def compose_config(password: str | None) -> subprocess.CompletedProcess[str]:
    command = compose_command()
    if command is None:
        pytest.skip("no compose here: the other tests look at the file itself")
    environment = {name: value for name, value in os.environ.items() if name != "CLICKHOUSE_PASSWORD"}
    if password is not None:
        environment["CLICKHOUSE_PASSWORD"] = password
        environment["GOVERNANCE_MASTER_KEY"] = "made up"
    return subprocess.run(
        [*command, "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_compose_takes_the_file() -> None:
    done = compose_config("secret")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a password is chosen in .env")
def test_compose_asks_for_a_password() -> None:
    done = compose_config(None)
    assert done.returncode != 0
    assert ".env.example" in done.stderr


def test_services_wait_for_what_they_need() -> None:
    assert SERVICES.keys() == {"kafka", "clickhouse", *OURS}
    for service in SERVICES.values():
        for needed, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "test" in SERVICES[needed]["healthcheck"]
            else:
                assert condition["condition"] == "service_completed_successfully"
                assert SERVICES[needed]["restart"] == "on-failure"
    assert SERVICES["worker"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_what_runs_on_is_restarted_and_has_its_health_checked() -> None:
    for name in RUNS_ON:
        assert SERVICES[name]["restart"] == "unless-stopped"
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_workers_scale() -> None:
    for name in ("worker", "sink", "analyst"):
        assert not {"container_name", "ports", "hostname"} & SERVICES[name].keys()


def test_data_outlives_containers() -> None:
    for name in ("kafka", "clickhouse"):
        (volume,) = SERVICES[name]["volumes"]
        assert volume.partition(":")[0] in COMPOSE["volumes"]


def test_ports_are_open_on_loopback_only() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_commands_exist() -> None:
    for name in ("worker", "sink", "analyst"):
        check_asahi(tuple(SERVICES[name]["command"]))
        check_asahi(tuple(SERVICES[name]["healthcheck"]["test"][2:]))
    check_asahi(tuple(SERVICES["metrics"]["command"]))
    shell, option, line = SERVICES["migrate"]["entrypoint"]
    assert (shell, option) == ("sh", "-c")
    for step in line.split(" && "):
        program, *arguments = step.split()
        assert program == "asahi"
        check_asahi(tuple(arguments))


def test_nobody_is_let_in_unproven(cluster_settings: Settings) -> None:
    assert cluster_settings.governance.signatures is Signatures.REQUIRED
    with pytest.raises(ConfigurationError, match=r"governance\.signatures: required needs the master key"):
        configured_entrances(cluster_settings, Registry())


def test_secrets_are_in_no_file() -> None:
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY", name):
                variable = re.match(r"\$\{(\w+):", value)
                assert variable is not None, f"{name} must come from the environment"
                assert variable[1] in example
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    assert ".env" not in (ROOT / ".dockerignore").read_text()


@pytest.fixture
def cluster_settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The configuration as a container reads it."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("ASAHI_CONFIG", "config/cluster.yaml")
    monkeypatch.setenv("ASAHI_CLICKHOUSE_PASSWORD", "secret")
    return load_settings()


def test_configuration_names_the_services(cluster_settings: Settings) -> None:
    kafka, clickhouse = SERVICES["kafka"]["environment"], SERVICES["clickhouse"]["environment"]
    assert f"://{cluster_settings.kafka.bootstrap}," in kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert cluster_settings.clickhouse.url == "http://clickhouse:8123"
    assert cluster_settings.clickhouse.user == clickhouse["CLICKHOUSE_USER"]
    assert cluster_settings.clickhouse.database == clickhouse["CLICKHOUSE_DB"]
    assert cluster_settings.clickhouse.password.get_secret_value() == "secret"


def test_figures_are_joined_in_one_place(cluster_settings: Settings) -> None:
    metrics = cluster_settings.metrics
    assert metrics.targets == ",".join(f"{name}:{metrics.port}" for name in ("worker", "sink", "analyst"))
    assert SERVICES["metrics"]["ports"] == [f"127.0.0.1:{metrics.port}:{metrics.port}"]
    assert f":{metrics.port}/metrics" in SERVICES["metrics"]["healthcheck"]["test"][-1]


def test_configuration_suits_a_real_cluster(cluster_settings: Settings) -> None:
    assert cluster_settings.kafka.idempotent_producer
    assert cluster_settings.kafka.session_timeout_seconds >= 10
    models = ModelRegistry.load(cluster_settings.models_file)
    assert all(set(spec.providers) <= cluster_settings.providers.keys() for spec in models)
    assert {tenant.reference_model for tenant in cluster_settings.tenants} <= {spec.name for spec in models}


def test_variables_of_containers_are_settings() -> None:
    known = {
        f"ASAHI_{section}_{key}".upper()
        for section, field in Settings.model_fields.items()
        for key in getattr(type(field.default), "model_fields", {})
    } | {"ASAHI_CONFIG", KEY_VARIABLE}
    for name in OURS:
        ours = {key for key in SERVICES[name]["environment"] if key.startswith("ASAHI_")}
        assert ours <= known


def test_kafka_is_the_one_that_the_tests_run_on() -> None:
    version = re.search(r"<kafka.version>(.*)</kafka.version>", (ROOT / "tests" / "kafka" / "pom.xml").read_text())
    assert version is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version[1]}"


@pytest.mark.kafka
def test_kafka_takes_its_settings(kafka_jars: Path, tmp_path: Path) -> None:
    """The image turns each variable into the property of the same name; so does this."""
    del kafka_jars
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
    }
    properties["log.dirs"] = str(tmp_path / "data")
    configured = tmp_path / "server.properties"
    configured.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    tool = [java(), "-cp", f"{ensure_jars()}/*", "kafka.tools.StorageTool"]
    done = subprocess.run(
        [*tool, "format", "--config", str(configured), "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qg"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.kafka
async def test_migrate_prepares_a_real_broker_and_the_tables(apache_kafka: str, clickhouse_server: str) -> None:
    """Runs the very line of the container, with the addresses of the test's services, twice."""
    line = SERVICES["migrate"]["entrypoint"][2].replace("asahi ", f"{sys.executable} -m streams.cli ")
    environment = os.environ | {
        "ASAHI_CONFIG": "config/cluster.yaml",
        "ASAHI_KAFKA_BOOTSTRAP": apache_kafka,
        "ASAHI_CLICKHOUSE_URL": clickhouse_server,
        "ASAHI_CLICKHOUSE_USER": "default",
        "ASAHI_CLICKHOUSE_PASSWORD": "",
        "ASAHI_CLICKHOUSE_DATABASE": f"cluster_{uuid4().hex}",
    }
    for _ in range(2):
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "up to date" in done.stdout
    async with AIOKafkaConsumer(
        GOVERNANCE.name, bootstrap_servers=apache_kafka, auto_offset_reset="earliest"
    ) as consumer:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for fact in consumer:
                if fact.key == b"demo":
                    return


def test_image_has_everything_it_copies() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored.count("*") == 1
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert f"!{source}" in ignored


def test_image_starts_commands_that_exist_and_not_as_root() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (check,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", dockerfile, re.MULTILINE)
    (command,) = re.findall(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)
    check_asahi(tuple(json.loads(check)[1:]))
    check_asahi(tuple(json.loads(command)))
    assert re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE) == ["asahi"]
    assert (ROOT / "config" / "cluster.yaml").exists()
