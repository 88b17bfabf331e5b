"""Every setting with its default, read from `config/config.yaml`, `.env` and `ASAHI_<SECTION>_<KEY>`.

Later sources win: defaults, YAML, `.env`, environment. `ASAHI_CONFIG` names another YAML file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource
from yaml import YAMLError

from schemas.analytics_settings import AnalyticsSettings as AnalyticsSettings
from schemas.audit_settings import AuditSettings as AuditSettings
from schemas.errors import ConfigurationError
from schemas.governance_settings import GovernanceSettings as GovernanceSettings
from schemas.governance_settings import Signatures as Signatures
from schemas.lane_settings import BatchSettings as BatchSettings  # part of this module for those who import it
from schemas.lane_settings import WindowSettings as WindowSettings
from schemas.prefix_settings import PrefixSettings as PrefixSettings
from schemas.provider_settings import ProviderSettings as ProviderSettings
from schemas.recommendation_settings import RecommendationSettings as RecommendationSettings
from schemas.routing_settings import RoutingSettings as RoutingSettings
from schemas.routing_settings import TaskDetection as TaskDetection
from schemas.screening import ScreeningSettings as ScreeningSettings
from schemas.section import Count, Seconds
from schemas.section import Section as Section
from schemas.semantic_settings import SemanticSettings as SemanticSettings
from schemas.telemetry_settings import MetricsSettings as MetricsSettings
from schemas.telemetry_settings import TracingSettings as TracingSettings
from schemas.tenant import TenantRegistered
from schemas.vector_settings import VectorSettings as VectorSettings


class KafkaSettings(Section):
    """How the broker is reached, and how much travels at once.

    Attributes:
        bootstrap: Addresses of brokers, `host:port`, separated by commas.
        group: Consumer group of the workers; those of one group share the work.
        partitions: Of every topic keyed by tenant or lane; workers beyond this number idle.
        replication: Copies of every topic; at most the number of brokers.
        fetch_max_wait_ms: How long a fetch on an empty partition waits; Apache Kafka answers when data comes.
        session_timeout_seconds: A worker not heard of for so long has died, and others take its partitions.
        commit_interval_seconds: Between two commits of offsets and checkpoints.
        max_poll_records: Most messages read at once.
        max_message_bytes: Largest message, and largest public event, the topics accept.
        batch_bytes: Internal messages are split beyond this size.
        retention_hours: How long public topics keep their events.
        internal_retention_hours: How long internal topics keep theirs; longer than any outage of the workers.
        request_timeout_seconds: Longest wait for a broker's reply.
        compression: Of what is produced. `lz4` means its slowest level here, which aiokafka does not let be chosen.
        idempotent_producer: Kafka drops a producer's own retries; the embedded broker does not know how.
    """

    bootstrap: str = "127.0.0.1:9092"
    group: str = "asahi"
    partitions: Count = 8
    replication: Count = 1
    fetch_max_wait_ms: Annotated[int, Field(ge=1)] = 500
    session_timeout_seconds: Seconds = 6.0
    commit_interval_seconds: Seconds = 0.5
    max_poll_records: Count = 500
    max_message_bytes: Count = 16 * 1024 * 1024
    batch_bytes: Count = 768 * 1024
    retention_hours: Seconds = 168.0
    internal_retention_hours: Seconds = 24.0
    request_timeout_seconds: Seconds = 30.0
    compression: Literal["none", "gzip", "lz4", "zstd"] = "zstd"
    idempotent_producer: bool = True


class ClickHouseSettings(Section):
    """How the warehouse is reached.

    Attributes:
        url: Of ClickHouse's HTTP interface.
        user: Who logs in.
        password: Never logged; set it by environment.
        database: Holds the tables; created by `asahi migrate`.
        block_rows: Most events in one insert; a large one costs half as much an event. A sink holds two of them.
        block_bytes: Most bytes in one insert.
        block_seconds: Longest wait for an insert to fill while events keep coming.
        rollup_seconds: Between two passes that sum anew, by minute, hour and day, what was touched; the views sum it
            themselves until then.
        timeout_seconds: Longest wait for an answer.
        retry_max_seconds: Longest pause between two attempts while it is away.
    """

    url: str = "http://127.0.0.1:8123"
    user: str = "default"
    password: SecretStr = SecretStr("")
    database: str = "asahi"
    block_rows: Count = 100_000
    block_bytes: Count = 64 * 1024 * 1024
    block_seconds: Seconds = 3.0
    rollup_seconds: Seconds = 60.0
    timeout_seconds: Seconds = 30.0
    retry_max_seconds: Seconds = 5.0


class EmbeddedSettings(Section):
    """The local stack that `asahi up` starts.

    Attributes:
        data_dir: Where the engine keeps its data, logs and the state file.
        broker_port: Of the broker; 0 takes a free one.
        clickhouse_port: Of ClickHouse's HTTP interface; 0 takes a free one.
        fetch_max_wait_ms: Replaces the one of `kafka`, since the embedded broker does not answer when data comes.
        start_timeout_seconds: Longest wait for a service to become healthy.
        stop_timeout_seconds: Longest wait for a service to end before it is killed.
    """

    data_dir: Path = Path(".asahi")
    broker_port: Annotated[int, Field(ge=0, le=65535)] = 9092
    clickhouse_port: Annotated[int, Field(ge=0, le=65535)] = 8123
    fetch_max_wait_ms: Annotated[int, Field(ge=1)] = 4
    start_timeout_seconds: Seconds = 30.0
    stop_timeout_seconds: Seconds = 15.0


class IntakeSettings(Section):
    """The stages before the call.

    Attributes:
        max_request_bytes: A larger request is rejected.
        max_depth: Deepest nesting of a request's JSON.
        known_ids: Newest request ids remembered per partition, to recognise repeated requests.
        cache_entries: Most answers kept per partition by the exact cache.
        cache_bytes: Most bytes of answers kept per partition by the exact cache.
        cache_tenant_share: Most of both that one tenant may hold, in (0, 1].
        dead_letter_bytes: Most bytes of an undecodable message kept in its dead letter.
        recover_results: Newest results read per partition to know finished requests again.
        recover_completions: Newest completion batches read per partition to fill the cache again.
        share_steps: Whether requests reuse results of the same steps of other requests.
    """

    max_request_bytes: Count = 1024 * 1024
    max_depth: Count = 64
    known_ids: Count = 50_000
    cache_entries: Count = 10_000
    cache_bytes: Count = 16 * 1024 * 1024
    cache_tenant_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    dead_letter_bytes: Count = 256 * 1024
    recover_results: Count = 50_000
    recover_completions: Count = 2_000
    share_steps: bool = True


class WorkerSettings(Section):
    """One worker process.

    Attributes:
        max_outstanding: Requests a worker may hold between receipt and durable outcome before it stops reading.
        drain_seconds: How long calls in flight may finish when partitions move or the worker stops.
        stop_seconds: How long a worker or sink that was told to stop may take in all, a broker or ClickHouse that
            does not answer included; then it ends as it is, and its successor goes on from the last checkpoint.
        log_level: Least severity that is logged.
    """

    max_outstanding: Count = 8_000
    drain_seconds: Seconds = 5.0
    stop_seconds: Seconds = 30.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


DEMO_TENANT = TenantRegistered(tenant="demo", reference_model="gpt-4-turbo")


class Settings(BaseSettings):
    """The whole configuration.

    Attributes:
        models_file: The models with their prices, quality and speed.
        models_reload_seconds: Between two looks whether the models file has changed; 0 reads it once.
        providers: By the name that the models file uses.
        tenants: Registered on `asahi.governance` when the system starts.
    """

    model_config = SettingsConfigDict(
        env_prefix="ASAHI_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_file=".env",
        frozen=True,
        extra="ignore",  # other programs' variables stand in .env too
    )

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    intake: IntakeSettings = IntakeSettings()
    windows: WindowSettings = WindowSettings()
    batches: BatchSettings = BatchSettings()
    prefixes: PrefixSettings = PrefixSettings()
    routing: RoutingSettings = RoutingSettings()
    worker: WorkerSettings = WorkerSettings()
    audit: AuditSettings = AuditSettings()
    governance: GovernanceSettings = GovernanceSettings()
    screening: ScreeningSettings = ScreeningSettings()
    semantic: SemanticSettings = SemanticSettings()
    vectors: VectorSettings = VectorSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    recommendations: RecommendationSettings = RecommendationSettings()
    models_file: Path = Path("config/models.yaml")
    models_reload_seconds: Annotated[float, Field(ge=0)] = 2.0
    providers: dict[str, ProviderSettings] = {"simulated": ProviderSettings(kind="simulated")}
    tenants: tuple[TenantRegistered, ...] = (DEMO_TENANT,)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, first wins: arguments, environment, `.env`, YAML."""
        del file_secret_settings
        yaml = YamlConfigSettingsSource(settings_cls, yaml_file=config_file())
        return (init_settings, env_settings, dotenv_settings, yaml)


def config_file() -> Path:
    """Return the path of the YAML file in force; it need not exist."""
    return Path(os.environ.get("ASAHI_CONFIG", "config/config.yaml"))


def load_settings(**overrides: Any) -> Settings:
    """Read the configuration.

    Args:
        **overrides: Sections that win over every source, for tests and commands.

    Raises:
        ConfigurationError: A value is wrong; names the setting, what is wrong with it and where it may be set.
    """
    named = os.environ.get("ASAHI_CONFIG")
    if named and not Path(named).is_file():
        raise ConfigurationError(f"ASAHI_CONFIG names {named!r}, which is not a file")
    try:
        return Settings(**overrides)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        path = [str(part) for part in first["loc"]]
        variable = "ASAHI_" + "_".join(path[:2]).upper()
        raise ConfigurationError(
            f"setting {'.'.join(path)}: {first['msg']}; correct it in {config_file()}, .env or {variable}"
        ) from wrong
    except (YAMLError, ValueError) as wrong:
        form = "the file maps sections to settings, a variable for a whole section or list is JSON"
        raise ConfigurationError(f"{config_file()}, .env or the environment: {wrong}; {form}") from wrong
