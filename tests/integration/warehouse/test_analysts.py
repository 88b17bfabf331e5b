"""An analyst of one organization reads its rows and nobody else's, whatever he tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr

from schemas.errors import ConfigurationError, WarehouseError
from schemas.settings import ClickHouseSettings
from streams.embedded.clickhouse.analysts import VIEWS
from streams.rollups import roll_up
from streams.warehouse.analysts import analysts, grant, revoke, statements
from streams.warehouse.client import Warehouse
from tests.integration.warehouse.databases import migrated_database
from tests.integration.warehouse.known import Calendar, write

OURS, THEIRS = "zeta", "acme"
READABLE = sorted(VIEWS - {"anomalies", "forecasts", "usage_since", "results_since"})
SINCE = "(since = '2000-01-01 00:00:00')"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(clickhouse_server: str) -> AsyncIterator[ClickHouseSettings]:
    """Rows of two organizations, some rolled up and some not, and an analyst of one of them."""
    async with migrated_database(clickhouse_server) as clickhouse, Warehouse(clickhouse) as warehouse:
        when = Calendar(datetime.now(UTC))
        await write(warehouse, when)
        await roll_up(warehouse)
        yield clickhouse


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def login(filled: ClickHouseSettings) -> ClickHouseSettings:
    async with Warehouse(filled) as warehouse:
        given = await grant(warehouse, filled.database, "amara", OURS, "the tests")
    return filled.model_copy(update={"user": given.login, "password": SecretStr(given.password)})


@pytest.fixture
async def analyst(login: ClickHouseSettings) -> AsyncIterator[Warehouse]:
    async with Warehouse(login) as client:
        yield client


async def test_he_reads_what_his_organization_spent(analyst: Warehouse) -> None:
    for view in ("usage", "usage_by_minute", "usage_by_hour", "usage_by_day", f"usage_since{SINCE}"):
        rows = await analyst.rows(f"SELECT tenant, sum(cost_usd) AS usd FROM {view} GROUP BY tenant")
        assert rows == [{"tenant": OURS, "usd": Decimal("0.25")}], view
    assert [row["name"] for row in await analyst.rows("SELECT name FROM budgets")] == [OURS]
    (row,) = await analyst.rows("WITH u AS (SELECT 1 AS one) SELECT one, (SELECT count() FROM results) AS n FROM u")
    assert row == {"one": 1, "n": 1}


@pytest.mark.parametrize("view", READABLE)
async def test_no_view_shows_him_others(view: str, analyst: Warehouse) -> None:
    rows = await analyst.rows(f"SELECT count() AS n, countIf(tenant != '{OURS}') AS others FROM {view}")
    assert rows[0]["others"] == 0


ATTEMPTS = [
    "SELECT * FROM calls_store",
    "SELECT count() FROM {db}.calls_store",
    "SELECT * FROM `calls_store`",
    'SELECT * FROM "{db}"."results_store"',
    "SELECT value FROM archive",
    "SELECT value FROM archive_store",
    "SELECT * FROM registry",
    "SELECT * FROM api_keys",
    "SELECT * FROM dead_letters",
    "SELECT * FROM analysts",
    "SELECT 1 WHERE 1 IN calls_store",
    "SELECT 1 WHERE ('a', 'b') IN {db}.calls_store",
    "SELECT * FROM (SELECT * FROM usage_by_day_store)",
    "WITH c AS (SELECT * FROM endings_store) SELECT * FROM c",
    "SELECT (SELECT count() FROM usage_store)",
    "SELECT * FROM usage JOIN calls_store USING (id)",
    "SELECT * FROM usage UNION ALL SELECT * FROM {db}.usage_store",
    "SELECT * FROM merge('{db}', '.*')",
    "SELECT * FROM merge('^calls')",
    "SELECT * FROM remote('127.0.0.1', '{db}', 'calls_store')",
    "SELECT * FROM cluster('default', {db}.calls_store)",
    "SELECT * FROM view(SELECT * FROM usage)",
    "SELECT * FROM mergeTreeIndex('{db}', 'calls_store')",
    "SELECT * FROM loop({db}.calls_store)",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1/', 'CSV', 'a String')",
    "SELECT * FROM executable('x', 'CSV', 'a String')",
    "SELECT file('/etc/passwd')",
    "SELECT FILE('/etc/passwd')",
    "SELECT dictGet('{db}.x', 'y', 1)",
    "SELECT joinGet('{db}.calls_store', 'id', 1)",
    "SELECT sleep(3)",
    "SELECT query FROM system.query_log",
    "SELECT query FROM system.query_log_engine",
    "SELECT query FROM system.processes",
    "SELECT * FROM system.users",
    "SELECT * FROM system.parts",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM {table:Identifier}",
    "SELECT * FROM usage SETTINGS additional_table_filters = {{}}",
    "SELECT * FROM usage SETTINGS readonly = 0",
    "SET readonly = 0",
    "SET additional_table_filters = {{}}",
    "USE system",
    "SHOW TABLES",
    "SHOW CREATE TABLE calls_store",
    "EXPLAIN SELECT * FROM calls_store",
    "CREATE TEMPORARY TABLE t (a UInt8)",
    "CREATE VIEW v AS SELECT * FROM usage",
    "INSERT INTO calls_store (tenant, id) VALUES ('zeta', 'made up')",
    "INSERT INTO FUNCTION file('/tmp/x') SELECT 1",
    "ALTER TABLE calls_store DELETE WHERE 1",
    "DROP TABLE calls_store",
    "TRUNCATE TABLE calls_store",
    "OPTIMIZE TABLE calls_store",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "SELECT 1; SELECT * FROM calls_store",
    "SELECT * FROM usage INTO OUTFILE '/tmp/x'",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_nothing_else_can_be_read_or_written(attempt: str, login: ClickHouseSettings) -> None:
    sql = attempt.replace("{{}}", "{}").replace("{db}", login.database)
    status, said = await ask(login, sql, param_table="calls_store")
    assert status in (400, 403, 500), said
    assert THEIRS not in said


async def ask(login: ClickHouseSettings, sql: str, **parameters: str) -> tuple[int, str]:
    """Ask over bare HTTP; return the status and what was said."""
    headers = {"X-ClickHouse-User": login.user, "X-ClickHouse-Key": login.password.get_secret_value()}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(login.url, params={"database": login.database, **parameters}, data=sql) as response,
    ):
        return response.status, await response.text()


PEEKS = [
    "SELECT count() FROM usage WHERE throwIf(tenant = 'acme') = 0",
    "SELECT count() FROM usage_by_day WHERE throwIf(tenant = 'acme') = 0",
    "SELECT count() FROM usage_by_hour WHERE throwIf(team = 'search') = 0",
    "SELECT count() FROM results WHERE throwIf(cost_usd > 2) = 0",
    "SELECT count() FROM results_by_minute WHERE throwIf(team = 'search') = 0",
    "SELECT count() FROM decisions WHERE throwIf(user = 'ben') = 0",
    "SELECT sum(throwIf(user = 'amara')) FROM spending",
    "SELECT count() FROM teams WHERE throwIf(tenant = 'acme') = 0",
]


@pytest.mark.parametrize("peek", PEEKS)
async def test_others_rows_are_not_even_looked_at(peek: str, login: ClickHouseSettings) -> None:
    """A condition that fails on a row of others would tell that there is one."""
    status, said = await ask(login, peek)
    assert status == 200, said


@pytest.mark.parametrize(
    "parameters",
    [
        {"readonly": "0"},
        {"additional_table_filters": "{}"},
        {"session_id": "shared"},
        {"role": "default"},
        {"log_comment": "another's"},
        {"max_execution_time": "0"},
    ],
)
async def test_request_cannot_change_what_he_sees(parameters: dict[str, str], login: ClickHouseSettings) -> None:
    status, said = await ask(login, "SELECT DISTINCT tenant FROM usage", **parameters)
    assert (status, said.split()) == (200, [OURS])


async def test_session_of_another_is_not_his(filled: ClickHouseSettings, login: ClickHouseSettings) -> None:
    async with aiohttp.ClientSession() as client:
        inside = {"session_id": "of the owner", "database": filled.database}
        made = "CREATE TEMPORARY TABLE stolen AS SELECT * FROM usage"
        async with client.post(filled.url, params=inside, data=made) as response:
            assert response.status == 200
    status, said = await ask(login, "SELECT * FROM stolen", session_id="of the owner")
    assert status == 404, said


async def test_who_is_not_known_is_not_let_in(filled: ClickHouseSettings, login: ClickHouseSettings) -> None:
    wrong: list[dict[str, object]] = [
        {"password": SecretStr("wrong")},
        {"password": SecretStr("")},
        {"user": "nobody@zeta"},
        {"user": "amara@acme"},
        {"database": "default"},
    ]
    for changed in wrong:
        status, said = await ask(login.model_copy(update=changed), "SELECT 1")
        assert (status, "AUTHENTICATION_FAILED" in said) == (403, True), changed
    async with Warehouse(filled) as warehouse:
        gone = await grant(warehouse, filled.database, "ben", OURS, "the tests")
        assert {row["login"] for row in await analysts(warehouse)} == {"amara@zeta", "ben@zeta"}
        assert await revoke(warehouse, "ben", OURS, "the tests")
        assert not await revoke(warehouse, "ben", OURS, "the tests")
        with pytest.raises(ConfigurationError, match="no name of an analyst"):
            await grant(warehouse, filled.database, "Ben O'", OURS, "the tests")
    let_out = login.model_copy(update={"user": gone.login, "password": SecretStr(gone.password)})
    assert (await ask(let_out, "SELECT 1"))[0] == 403


async def test_statements_for_a_server_are_sql(filled: ClickHouseSettings) -> None:
    """The embedded engine has no users to try them on; it reads them, at least."""
    tables = [{"name": "calls_store", "has_tenant": 1}, {"name": "archive_store", "has_tenant": 0}]
    made = list(statements(filled.database, "amara@zeta", "it's", OURS, tables))
    assert len(made) == 1 + 2 * len(tables) + len(VIEWS) + 1
    async with Warehouse(filled) as warehouse:
        for statement in made:
            assert await warehouse.rows(f"EXPLAIN AST {statement}")
        with pytest.raises(WarehouseError):
            await warehouse.rows(f"EXPLAIN AST {made[0]} AND MORE")
