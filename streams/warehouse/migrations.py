"""Numbered SQL files, applied in order and remembered.

ClickHouse has neither transactions for them nor locks between clients. So every statement must be safe to run twice,
also at the same time (`CREATE … IF NOT EXISTS`, `ADD COLUMN IF NOT EXISTS`, `MODIFY QUERY`); a file is remembered
after its last one.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import schemas
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

FOLDER = Path(schemas.__file__).parent / "migrations"
FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<title>[a-z][a-z0-9_]*)\.sql")
STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*--[^\n]*\n?", re.MULTILINE)
CHECKSUM_BYTES = 16
SYSTEM_DATABASE = "system"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file.

    Attributes:
        name: Its name without suffix, e.g. `0001_archive`.
        checksum: Hex digest of its bytes.
    """

    number: int
    name: str
    statements: tuple[str, ...]
    checksum: str


def statements_of(sql: str) -> tuple[str, ...]:
    """Return the statements of a file; each ends with a semicolon at the end of a line."""
    bare = COMMENT.sub("", sql)
    return tuple(statement for part in STATEMENT_END.split(bare) if (statement := part.strip()))


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder in order.

    Raises:
        ConfigurationError: A file is misnamed, or a number is missing or taken twice.
    """
    migrations: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        named = FILE_NAME.fullmatch(path.name)
        if named is None:
            raise ConfigurationError(f"migration {path.name}: name it NNNN_title.sql")
        number = int(named["number"])
        if number != len(migrations) + 1:
            raise ConfigurationError(f"migration {path.name}: number {len(migrations) + 1:04d} comes next")
        data = path.read_bytes()
        checksum = hashlib.blake2b(data, digest_size=CHECKSUM_BYTES).hexdigest()
        migrations.append(Migration(number, path.stem, statements_of(data.decode()), checksum))
    return migrations


async def migrate(settings: Settings, folder: Path = FOLDER) -> list[str]:
    """Bring the database up to date; return the names of the migrations applied now.

    Safe to call again, also while another process does.

    Raises:
        ConfigurationError: A file was changed after it was applied, or the folder is in disorder.
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: ClickHouse refuses a statement; those before it have been applied.
    """
    migrations = read_migrations(folder)
    database = settings.clickhouse.database
    async with Warehouse(settings.clickhouse, SYSTEM_DATABASE) as system:
        await system.command("CREATE DATABASE IF NOT EXISTS {database:Identifier}", {"database": database})
    async with Warehouse(settings.clickhouse) as warehouse:
        known = await _applied(warehouse)
        _check(migrations, known)
        fresh = [migration for migration in migrations if migration.number not in known]
        for migration in fresh:
            await _apply(warehouse, migration)
    return [migration.name for migration in fresh]


async def _applied(warehouse: Warehouse) -> dict[int, tuple[str, str]]:
    """Return name and checksum of what was applied, by number."""
    await warehouse.command(
        "CREATE TABLE IF NOT EXISTS schema_migrations "
        "(number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) "
        "ENGINE = ReplacingMergeTree ORDER BY number"
    )
    rows = await warehouse.rows("SELECT number, name, checksum FROM schema_migrations FINAL")
    return {row["number"]: (row["name"], row["checksum"]) for row in rows}


def _check(migrations: list[Migration], known: dict[int, tuple[str, str]]) -> None:
    for migration in migrations:
        name, checksum = known.get(migration.number, (migration.name, migration.checksum))
        if (name, checksum) != (migration.name, migration.checksum):
            raise ConfigurationError(
                f"migration {migration.name} is not what was applied as {name}: "
                "restore the file and put the change into a new migration"
            )
    newer = sorted(name for number, (name, _) in known.items() if number > len(migrations))
    if newer:
        logger.warning("the database was migrated by a newer release", extra={"unknown": newer})


async def _apply(warehouse: Warehouse, migration: Migration) -> None:
    for statement in migration.statements:
        await warehouse.command(statement)
    await warehouse.command(
        "INSERT INTO schema_migrations (number, name, checksum) VALUES "
        "({number:UInt32}, {name:String}, {checksum:String})",
        {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
        {"async_insert": 0},
    )
    logger.info("migration applied", extra={"migration": migration.name})
