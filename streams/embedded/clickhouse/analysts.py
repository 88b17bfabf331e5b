"""Analysts of one organization: who they are, what they may ask, and which rows they see.

A server of ClickHouse has users, grants and row policies; the engine in this process knows one user, who may do
anything. So an analyst's session is read-only for the engine, sees every table through a filter that he cannot
change, and his statement is looked at before it is run: it may name the views for analysts, and nothing that reads
elsewhere.
Views only: a table would take a PREWHERE, which looks at rows before the filter does.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from streams.embedded.clickhouse.connection import EngineConnection, quote, quote_name
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.statement import Kind, Statement

LOGIN_MARK = "@"
"""Stands in the logins of analysts, `name@organization`, and in no other."""
VIEWS = frozenset(
    f"{name}{level}"
    for name, levels in {
        "usage": ("", "_by_minute", "_by_hour", "_by_day", "_by_month", "_since"),
        "results": ("", "_by_minute", "_by_hour", "_by_day", "_by_month", "_since"),
    }.items()
    for level in levels
) | frozenset(
    (
        "requests", "spending", "decisions", "savings", "cache", "budgets", "surveys", "feedback", "audit",
        "tenants", "teams", "users", "anomalies", "forecasts",
    )
)  # fmt: skip
"""What analysts read: figures and reasons, no prompts and no answers."""
OF_THE_ENGINE = frozenset(
    (
        "system.one", "system.settings", "system.functions", "system.databases", "system.tables", "system.columns",
        "system.numbers", "system.formats", "system.data_type_families",
    )
)  # fmt: skip
"""What clients read to get along; of tables and columns only those of the views are shown."""
ROWS_OF_NOTHING = frozenset(("numbers", "zeros", "generateseries", "generate_series", "values"))
"""Functions that may stand where a table stands, besides views that take a parameter."""
READS_ELSEWHERE = re.compile(
    r"(?i)^(file|dict.*|joinget.*|hascolumnintable|catboost.*|filesystem.*|getserversetting|getmacro|sleep.*|"
    r"generateserialid|evalmlmethod|loadmodel|connectionid|.*query_?id|currentprofiles|showcertificate|trap|ai[A-Z_].*)$"
)
"""Functions that read what is no row of the query's, or hold a thread."""
SETTINGS = re.compile(
    r"^(output_format_\w+|format_\w+|date_time_output_format|max_result_rows|max_block_size|extremes|"
    r"enable_http_compression|http_\w+|send_progress_in_http_headers|wait_end_of_query|result_overflow_mode)$"
)
"""Settings that an analyst's client may set; others are passed over."""
BOUNDS = {
    "max_execution_time": "60",
    # a condition of the analyst's that is moved before the filter, or joined to it, sees rows of others: one that
    # fails on such a row tells of it
    "optimize_move_to_prewhere": "0",
    "query_plan_optimize_prewhere": "0",
    "query_plan_merge_filters": "0",
    "short_circuit_function_evaluation": "force_enable",
}
FIRST_WORDS = re.compile(rb"(?i)^[\s(]*(SELECT|WITH|DESCRIBE|DESC)\b")
IDENTIFIER_PARAMETER = re.compile(rb"(?i):\s*Identifier\b")
NODE = re.compile(r"^(?P<indent> *)(?P<kind>\w+) ?(?P<name>.*?)(?: \(alias .*?\))?(?: \(children \d+\))?$")

WHO = "SELECT tenant, salt, digest FROM {database}.analysts FINAL WHERE login = {login} AND NOT removed"
HOMES = "SELECT database FROM system.tables WHERE name = 'analysts' ORDER BY database"
TABLES = """
SELECT table, groupArray(name) AS columns FROM system.columns
WHERE database = {database} AND table IN (SELECT name FROM system.tables WHERE database = {database}
    AND engine LIKE '%MergeTree') GROUP BY table
"""
FACTS = (
    "(topic = 'asahi.governance' AND (key = {tenant} OR startsWith(ifNull(key, ''), concat({tenant}, '/team/'))"
    " OR startsWith(ifNull(key, ''), concat({tenant}, '/user/')))) OR (topic = 'asahi.usage' AND key = {tenant})"
)
"""Of the archive: what budgets and the registry of the organization are views of."""


@dataclass(frozen=True, slots=True)
class Analyst:
    """Who asks, and for whom."""

    login: str
    tenant: str
    database: str


def refused(why: str) -> ClickHouseError:
    """Return the refusal of a statement."""
    return ClickHouseError(497, "ACCESS_DENIED", f"Not enough privileges: {why}. Analysts read the documented views.")


def admitted(connection: EngineConnection, login: str, password: str, database: str) -> Analyst:
    """Return who logs in.

    Raises:
        ClickHouseError: Nobody with that name and password (516).
    """
    for where in [database] if database else _with_analysts(connection):
        for tenant, salt, digest in _known_as(connection, where, login):
            if hmac.compare_digest(digest_of(salt, password), digest):
                return Analyst(login, tenant, where)
    raise ClickHouseError(
        516,
        "AUTHENTICATION_FAILED",
        f"{login}: Authentication failed: password is incorrect, or there is no user with such name.",
    )


def _with_analysts(connection: EngineConnection) -> list[str]:
    """Return where to look when a request names no database; clients do so when they connect."""
    return connection.run(HOMES, "TabSeparatedRaw").decode().splitlines()


def _known_as(connection: EngineConnection, database: str, login: str) -> list[list[str]]:
    """Return organization, salt and digest of a login; none where there are no analysts."""
    try:
        answer = connection.run(WHO.format(database=quote_name(database), login=quote(login)), "JSONCompact")
    except ClickHouseError:
        return []
    rows: list[list[str]] = json.loads(answer)["data"]
    return rows


def digest_of(salt: str, password: str) -> str:
    """Return what is kept of a password."""
    return hashlib.sha256(f"{salt}:{password}".encode()).hexdigest()


def kept(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a request that an analyst may choose."""
    return {name: value for name, value in settings.items() if SETTINGS.match(name)}


def confine(connection: EngineConnection, analyst: Analyst) -> None:
    """Let a session see the rows of one organization, and write nothing; for good."""
    connection.run(f"SET additional_table_filters = {{{', '.join(_filters(connection, analyst))}}}")
    connection.set(BOUNDS)
    connection.run("SET readonly = 1")


def _filters(connection: EngineConnection, analyst: Analyst) -> Iterator[str]:
    database, tenant = quote(analyst.database), quote(analyst.tenant)
    for table, columns in json.loads(connection.run(TABLES.format(database=database), "JSONCompact"))["data"]:
        condition = f"tenant = {tenant}" if "tenant" in columns else ""
        if table == "archive_store":
            condition = FACTS.format(tenant=tenant)
        elif table == "analysts":
            condition = "0"
        if condition:
            yield f"{quote(f'{analyst.database}.{table}')}: {quote(condition)}"
    shown = ", ".join(map(quote, sorted(VIEWS)))
    for name, column in (("system.tables", "name"), ("system.columns", "table")):
        yield f"{quote(name)}: {quote(f'database = {database} AND {column} IN ({shown})')}"
    yield f"{quote('system.databases')}: {quote(f'name = {database}')}"


def check(connection: EngineConnection, analyst: Analyst, statement: Statement) -> None:
    """Look through a statement of an analyst, without running any of it.

    Args:
        connection: Of the engine's own user.
        analyst: Who asks.
        statement: What he asks.

    Raises:
        ClickHouseError: It is none that he may ask (497), or no SQL.
    """
    sql = statement.text + statement.tail
    if statement.kind is not Kind.READ or not FIRST_WORDS.match(sql):
        raise refused("only SELECT is allowed")
    if IDENTIFIER_PARAMETER.search(sql):
        raise refused("names cannot be parameters")
    tree = connection.run(b"EXPLAIN AST " + sql, "TabSeparatedRaw").decode()
    known = _names(connection, analyst)
    for place, kind, name in _nodes(tree.splitlines()):
        if kind == "Function" and READS_ELSEWHERE.match(name):
            raise refused(f"the function {name} is not allowed")
        if kind == "Function" and place == "TableExpression":
            if name.lower() not in ROWS_OF_NOTHING and name not in VIEWS:
                raise refused(f"the table function {name} is not allowed")
        elif kind in ("TableIdentifier", "Identifier") and not _may_read(name, analyst, known):
            raise refused(f"{name} is not allowed")


@dataclass(frozen=True, slots=True)
class _Known:
    databases: frozenset[str]
    tables: frozenset[str]


def _names(connection: EngineConnection, analyst: Analyst) -> _Known:
    databases = connection.run("SELECT name FROM system.databases", "TabSeparatedRaw").decode().splitlines()
    tables = connection.run(
        f"SELECT name FROM system.tables WHERE database = {quote(analyst.database)}",  # noqa: S608 - quoted
        "TabSeparatedRaw",
    )
    return _Known(frozenset(databases), frozenset(tables.decode().splitlines()))


def _may_read(name: str, analyst: Analyst, known: _Known) -> bool:
    """Return whether a name is harmless: a view for analysts, or nothing that can be read."""
    bare = name.replace("`", "").replace('"', "")
    database, dot, table = bare.partition(".")
    if dot and database in known.databases:
        return bare in OF_THE_ENGINE or (database == analyst.database and table in VIEWS)
    return bare in VIEWS or bare not in known.tables


def _nodes(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the nodes of a syntax tree: what each stands in, what it is, its name."""
    above: list[tuple[int, str]] = []
    for line in lines:
        node = NODE.match(line)
        if node is None:
            raise refused("the statement could not be read")
        depth = len(node["indent"])
        while above and above[-1][0] >= depth:
            above.pop()
        yield (above[-1][1] if above else ""), node["kind"], node["name"]
        above.append((depth, node["kind"]))
