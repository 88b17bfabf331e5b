"""Letting somebody read the views for one organization, on a server of ClickHouse and on the embedded engine.

A server gets a user with grants on the views and their tables, and a row policy per table. The embedded engine knows
no users: it keeps the login in the table `analysts`, and its endpoint holds the same bounds
(`streams.embedded.clickhouse.analysts`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.errors import ConfigurationError, WarehouseError
from streams.embedded.clickhouse.analysts import FACTS, LOGIN_MARK, VIEWS, digest_of
from streams.embedded.clickhouse.connection import quote, quote_name
from streams.warehouse.client import Row, Warehouse

NO_STORAGE_FOR_USERS = 514
"""What the embedded engine says when a user is to be made."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
PASSWORD_BYTES, SALT_BYTES = 32, 16
TABLES = """
SELECT name, has(groupArray(column), 'tenant') AS has_tenant FROM
(
    SELECT table AS name, columns.name AS column FROM system.columns AS columns
    WHERE database = currentDatabase()
      AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
)
GROUP BY name
"""
BESIDE = frozenset(("rollup_touched", "rollup_versions", "results_repeats", "archive_store"))
"""Tables below the views that name no organization."""
LISTED = "SELECT login, tenant, changed_by, changed_at FROM analysts FINAL WHERE NOT removed ORDER BY login"
NOTED = """
INSERT INTO analysts (login, tenant, salt, digest, removed, changed_by, changed_at) VALUES
({login:String}, {tenant:String}, {salt:String}, {digest:String}, {removed:UInt8}, {by:String}, {at:String})
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an analyst logs in with; the password is shown once and kept nowhere."""

    login: str
    password: str


async def grant(warehouse: Warehouse, database: str, name: str, tenant: str, by: str) -> Credentials:
    """Let somebody read the views for an organization; who was let in under this name before gets a new password.

    Args:
        warehouse: Where the views are.
        database: Its name.
        name: Of the analyst, unique in the organization.
        tenant: The organization.
        by: Who grants it.

    Raises:
        ConfigurationError: The name is none.
        WarehouseError: ClickHouse refuses, most often because whoever asks may not grant.
    """
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name of an analyst: use small letters, digits, '.', '_' and '-'")
    login = f"{name}{LOGIN_MARK}{tenant}"
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    salt = secrets.token_hex(SALT_BYTES)
    try:
        tables = await warehouse.rows(TABLES)
        for statement in statements(database, login, password, tenant, tables):
            await warehouse.command(statement)
        salt, digest = "", ""  # the server keeps its own
    except WarehouseError as refused:
        if refused.code != NO_STORAGE_FOR_USERS:
            raise
        digest = digest_of(salt, password)
    await _note(warehouse, login, tenant, salt, digest, removed=False, by=by)
    return Credentials(login, password)


async def revoke(warehouse: Warehouse, name: str, tenant: str, by: str) -> bool:
    """Let somebody in no longer; return whether he was.

    Raises:
        WarehouseError: ClickHouse refuses.
    """
    login = f"{name}{LOGIN_MARK}{tenant}"
    known = {row["login"] for row in await analysts(warehouse)}
    try:
        await warehouse.command(f"DROP USER IF EXISTS {quote_name(login)}")
    except WarehouseError as refused:
        if refused.code != NO_STORAGE_FOR_USERS:
            raise
    await _note(warehouse, login, tenant, "", "", removed=True, by=by)
    return login in known


async def analysts(warehouse: Warehouse) -> list[Row]:
    """Return who may read, and for whom."""
    return await warehouse.rows(LISTED)


async def _note(
    warehouse: Warehouse, login: str, tenant: str, salt: str, digest: str, *, removed: bool, by: str
) -> None:
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    told: dict[str, object] = {"login": login, "tenant": tenant, "salt": salt, "digest": digest, "by": by, "at": at}
    await warehouse.command(NOTED, told | {"removed": int(removed)}, {"async_insert": 0})


def statements(database: str, login: str, password: str, tenant: str, tables: list[Row]) -> Iterator[str]:
    """Yield what makes an analyst on a server of ClickHouse: a user who may only read, and sees one organization.

    Every table that he may read has a row policy of his. A view reads as whoever asks it, so that the policies of the
    tables hold for views too; he may read these tables, and sees in them what the views show him.

    Args:
        database: Where the views are.
        login: Who.
        password: His.
        tenant: His organization.
        tables: Names of the tables of the database, and whether they name organizations.
    """
    user, where = quote_name(login), quote_name(database)
    yield (
        f"CREATE USER OR REPLACE {user} IDENTIFIED WITH sha256_password BY {quote(password)}"
        f" DEFAULT DATABASE {where} SETTINGS readonly = 2 CONST, max_execution_time = 60 CONST"
    )
    for row in sorted(tables, key=lambda row: str(row["name"])):
        table, policy = str(row["name"]), quote_name(f"{login} sees {row['name']}")
        if row["has_tenant"] and table != "analysts":
            condition = f"tenant = {quote(tenant)}"
        elif table in BESIDE:
            condition = FACTS.format(tenant=quote(tenant)) if table == "archive_store" else "1"
        else:
            continue
        yield f"CREATE ROW POLICY OR REPLACE {policy} ON {where}.{quote_name(table)} USING {condition} TO {user}"
        yield f"GRANT SELECT ON {where}.{quote_name(table)} TO {user}"
    for view in (*sorted(VIEWS), "registry"):
        yield f"GRANT SELECT ON {where}.{quote_name(view)} TO {user}"
