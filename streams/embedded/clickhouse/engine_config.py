"""The configuration files the engine reads at start: threads, caches and memory cut down to a laptop."""

from __future__ import annotations

import uuid
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from streams.embedded.clickhouse.config import (
    ENGINE_CONFIG_FILE,
    MIB,
    USERS_CONFIG_FILE,
    EndpointConfig,
)

_MARK_CACHE_BYTES = 128 * MIB
_SMALL_CACHE_BYTES = 64 * MIB
_QUERY_LOG_FLUSH_MILLISECONDS = 2000
_QUERY_LOG_TTL = "event_date + INTERVAL 7 DAY DELETE"
_QUERY_LOG_BUFFER_ROWS = 16384

QUERY_LOG_TABLE = "query_log_engine"


def _fill(parent: Element, values: dict[str, object]) -> None:
    for name, value in values.items():
        child = SubElement(parent, name)
        if isinstance(value, dict):
            _fill(child, value)
        else:
            child.text = str(value)


def _server(config: EndpointConfig) -> dict[str, object]:
    threads = config.background_threads
    values: dict[str, object] = {
        "users_config": config.path / USERS_CONFIG_FILE,
        "max_server_memory_usage": config.max_memory_bytes,
        "background_pool_size": threads,
        "background_merges_mutations_concurrency_ratio": 1,
        "background_schedule_pool_size": threads,
        "background_common_pool_size": threads,
        "background_move_pool_size": 1,
        "background_fetches_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "background_buffer_flush_schedule_pool_size": 1,
        "mark_cache_size": _MARK_CACHE_BYTES,
        "index_mark_cache_size": _SMALL_CACHE_BYTES,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "merge_tree": {
            # the pool is too small for the defaults: merges and mutations would wait for entries it never has
            "number_of_free_entries_in_pool_to_execute_mutation": 1,
            "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 1,
            "number_of_free_entries_in_pool_to_execute_optimize_entire_partition": 1,
            "fsync_after_insert": int(config.fsync),
            "fsync_part_directory": int(config.fsync),
        },
    }
    if config.query_log:
        values["query_log"] = {
            "database": "system",
            "table": QUERY_LOG_TABLE,
            "flush_interval_milliseconds": _QUERY_LOG_FLUSH_MILLISECONDS,
            "buffer_size_rows_flush_threshold": _QUERY_LOG_BUFFER_ROWS,
            "ttl": _QUERY_LOG_TTL,
        }
    return values


def _users(config: EndpointConfig) -> dict[str, object]:
    return {
        "profiles": {
            "default": {
                "max_threads": config.max_threads,
                "max_insert_threads": 1,
                "max_memory_usage": config.max_query_memory_bytes,
                "output_format_parallel_formatting": 0,  # holds many blocks in memory for 1.5 times the speed
                "log_queries": int(config.query_log),
                "log_queries_min_type": "QUERY_FINISH",  # half the rows, and nobody looks at starts
            }
        },
        "users": {
            "default": {
                "password": "",
                "networks": {"ip": "::/0"},
                "profile": "default",
                "quota": "default",
                "access_management": 1,
                "named_collection_control": 1,
            }
        },
        "quotas": {"default": {}},
    }


def write_engine_config(config: EndpointConfig) -> str:
    """Write the engine's configuration into its data directory, replacing what was there.

    Returns:
        The path the engine is told to read.
    """
    system = config.path / "metadata" / "system.sql"
    if not system.exists():
        # else chdb keeps the system database in memory, where the query log's table is forgotten at every start
        system.parent.mkdir(parents=True, exist_ok=True)
        system.write_text(f"ATTACH DATABASE _ UUID '{uuid.uuid4()}'\nENGINE = Atomic\n")
    for name, values in ((ENGINE_CONFIG_FILE, _server(config)), (USERS_CONFIG_FILE, _users(config))):
        root = Element("clickhouse")
        _fill(root, values)
        indent(root)
        (config.path / name).write_bytes(tostring(root))
    return str(config.path / ENGINE_CONFIG_FILE)
