"""What the pipeline asks of the engine itself: merges that drop and replace, inserts that deduplicate."""

from __future__ import annotations

import pytest

from tests.integration.clickhouse_server.endpoint import Endpoint, wait_until


def test_expired_rows_go_when_parts_merge(endpoint: Endpoint) -> None:
    endpoint.query(
        "CREATE OR REPLACE TABLE ttl_rows (at DateTime, a Int64) ENGINE = MergeTree ORDER BY a "
        "TTL at + INTERVAL 1 DAY SETTINGS merge_with_ttl_timeout = 0"
    )
    endpoint.query("INSERT INTO ttl_rows SELECT now() - INTERVAL 2 DAY, number FROM numbers(10)")
    endpoint.query("INSERT INTO ttl_rows SELECT now(), number FROM numbers(10)")
    wait_until(lambda: endpoint.query("SELECT count() FROM ttl_rows") == "10", 60)
    endpoint.query("DROP TABLE ttl_rows SYNC")


def test_a_replacing_table_keeps_the_latest(endpoint: Endpoint) -> None:
    endpoint.query("CREATE OR REPLACE TABLE latest (k Int64, v Int64) ENGINE = ReplacingMergeTree(v) ORDER BY k")
    for value in (1, 3, 2):
        endpoint.query(f"INSERT INTO latest VALUES (1, {value})")
    assert endpoint.query("SELECT v FROM latest FINAL") == "3"
    endpoint.query("OPTIMIZE TABLE latest FINAL")
    assert endpoint.query("SELECT count(), max(v) FROM latest") == "1\t3"
    endpoint.query("DROP TABLE latest SYNC")


@pytest.mark.parametrize("rows", [1, 200_000])
def test_an_insert_sent_twice_counts_once_in_views_too(endpoint: Endpoint, rows: int) -> None:
    endpoint.query(
        "CREATE OR REPLACE TABLE usage (a Int64, cost Decimal(18, 9)) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    endpoint.query(
        "CREATE OR REPLACE TABLE spend (cost SimpleAggregateFunction(sum, Decimal(38, 9))) "
        "ENGINE = AggregatingMergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 1000"
    )
    endpoint.query("DROP VIEW IF EXISTS usage_to_spend")
    endpoint.query("CREATE MATERIALIZED VIEW usage_to_spend TO spend AS SELECT sum(cost) AS cost FROM usage")
    body = "".join(f'{{"a": {number}, "cost": "0.000000001"}}\n' for number in range(rows))
    for token in ("one", "one", "two"):
        endpoint.query(
            body,
            query="INSERT INTO usage FORMAT JSONEachRow",
            insert_deduplication_token=token,
            deduplicate_blocks_in_dependent_materialized_views=1,
        )
    assert endpoint.query("SELECT count() FROM usage") == str(2 * rows)
    assert endpoint.query("SELECT toInt64(sum(cost) * 1000000000) FROM spend") == str(2 * rows)
    for name in ("VIEW usage_to_spend", "TABLE spend", "TABLE usage"):
        endpoint.query(f"DROP {name} SYNC")


def test_asynchronous_inserts_are_there_when_acknowledged(endpoint: Endpoint, table: str) -> None:
    for number in range(5):
        endpoint.query(
            f'{{"a": {number}}}',
            query=f"INSERT INTO {table} FORMAT JSONEachRow",
            async_insert=1,
            wait_for_async_insert=1,
        )
    assert endpoint.query(f"SELECT count() FROM {table}") == "5"


def test_mutations_and_merges_run_in_the_small_pool(endpoint: Endpoint, table: str) -> None:
    for number in range(30):
        endpoint.query(f"INSERT INTO {table} VALUES ({number}, 'x')")
    endpoint.query(f"ALTER TABLE {table} DELETE WHERE a < 10", mutations_sync=1)
    assert endpoint.query(f"SELECT count() FROM {table}") == "20"
    endpoint.query(f"OPTIMIZE TABLE {table} FINAL")
    parts = f"SELECT count() FROM system.parts WHERE table = '{table}' AND active"
    wait_until(lambda: endpoint.query(parts) == "1")


def test_rows_selected_on_the_way_in(endpoint: Endpoint, table: str) -> None:
    endpoint.query(
        "1,x\n2,y\n", query=f"INSERT INTO {table} SELECT c + 1, d FROM input('c Int64, d String') FORMAT CSV"
    )
    assert endpoint.query(f"SELECT sum(a) FROM {table}") == "5"


def test_system_tables_are_a_servers(endpoint: Endpoint) -> None:
    assert "CREATE TABLE system.tables" in endpoint.query("SHOW CREATE TABLE system.tables")
    assert endpoint.query("SELECT engine FROM system.databases WHERE name = 'system'") == "Atomic"
