from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError, WarehouseError
from schemas.settings import Settings
from streams.archive.totals import disagreements
from streams.rollups import roll_up
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import FOLDER, migrate, read_migrations
from tests.integration.warehouse.known import Calendar, write

OURS = [migration.name for migration in read_migrations()]
READ_BY_ANALYSTS = {
    "anomalies",
    "anomaly_mutes",
    "minutes",
    "forecasts",
    "budget_forecasts",
    "archive",
    "budgets",
    "cache",
    "decisions",
    "results_by_day",
    "results_by_hour",
    "results_by_minute",
    "results_by_month",
    "savings",
    "usage_by_day",
    "usage_by_hour",
    "usage_by_minute",
    "usage_by_month",
    "requests",
    "results",
    "usage",
    "spending",
    "surveys",
    "audit",
    "audit_checkpoints",
    "api_keys",
    "audit_links",
    "dead_letters",
    "feedback",
    "recommendations",
    "registry",
    "teams",
    "tenants",
    "users",
}

WITH_A_PARAMETER = {"usage_since", "results_since", "usage_overview", "results_overview"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "migrations"
    shutil.copytree(FOLDER, copy)
    return copy


@pytest.fixture
def later(folder: Path) -> dict[Path, str]:
    """Take the migration that forgets causes without savings out of the folder, and those behind it; return them."""
    (savings,) = (name for name in OURS if name.endswith("_savings"))
    taken = {path: path.read_text() for path in sorted(folder.glob("*.sql")) if path.stem >= savings}
    for path in taken:
        path.unlink()
    return taken


async def test_once_is_enough(settings: Settings, warehouse: Warehouse) -> None:
    assert await migrate(settings) == OURS
    assert await migrate(settings) == []
    views = await warehouse.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    )
    assert {row["name"] for row in views} == READ_BY_ANALYSTS | WITH_A_PARAMETER


async def test_several_may_start_at_once(settings: Settings, warehouse: Warehouse) -> None:
    done = await asyncio.gather(*(migrate(settings) for _ in range(3)))
    assert {name for names in done for name in names} == set(OURS)
    rows = await warehouse.rows("SELECT name FROM schema_migrations FINAL ORDER BY number")
    assert [row["name"] for row in rows] == OURS
    assert await migrate(settings) == []


async def test_only_what_is_new_is_applied(settings: Settings, warehouse: Warehouse, folder: Path) -> None:
    await migrate(settings, folder)
    (folder / f"{len(OURS) + 1:04d}_more.sql").write_text(
        "-- more\nALTER TABLE audit_store ADD COLUMN IF NOT EXISTS more String;\n"
    )
    assert await migrate(settings, folder) == [f"{len(OURS) + 1:04d}_more"]
    assert await warehouse.rows("SELECT more FROM audit_store") == []


async def test_changed_file_is_named(settings: Settings, folder: Path) -> None:
    await migrate(settings, folder)
    changed = folder / f"{OURS[2]}.sql"
    changed.write_text(changed.read_text() + "\n")
    with pytest.raises(ConfigurationError, match=f"{OURS[2]} is not what was applied .* new migration"):
        await migrate(settings, folder)


async def test_renamed_file_is_named(settings: Settings, folder: Path) -> None:
    await migrate(settings, folder)
    (folder / f"{OURS[2]}.sql").rename(folder / "0003_renamed.sql")
    with pytest.raises(ConfigurationError, match=f"0003_renamed is not what was applied as {OURS[2]}"):
        await migrate(settings, folder)


async def test_interrupted_migration_goes_on(settings: Settings, folder: Path) -> None:
    last = folder / f"{len(OURS) + 1:04d}_last.sql"
    last.write_text(
        "CREATE TABLE IF NOT EXISTS one (a UInt8) ENGINE = Memory;\nCREATE TABLE IF NOT EXISTS two (a Nonsense);\n"
    )
    with pytest.raises(WarehouseError):
        await migrate(settings, folder)
    last.write_text(last.read_text().replace("(a Nonsense)", "(a UInt8) ENGINE = Memory"))
    assert await migrate(settings, folder) == [last.stem]


async def test_older_release_works_on(settings: Settings, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    await migrate(settings, folder)
    (folder / f"{OURS[-1]}.sql").unlink()
    assert await migrate(settings, folder) == []
    assert "migrated by a newer release" in caplog.text


async def test_causes_that_saved_nothing_are_forgotten_of_what_was_there_before(
    settings: Settings, warehouse: Warehouse, folder: Path, later: dict[Path, str]
) -> None:
    await migrate(settings, folder)
    await write(warehouse, Calendar(datetime.now(UTC)))
    counted = "SELECT DISTINCT arrayJoin(mapKeys(saved_by)) AS cause FROM results_by_day"
    assert "compression" in {row["cause"] for row in await warehouse.rows(counted)}
    for path, text in later.items():
        path.write_text(text)
    assert await migrate(settings, folder) == [path.stem for path in later]
    for _ in range(2):
        assert "compression" not in {row["cause"] for row in await warehouse.rows(counted)}
        assert await disagreements(warehouse) == []
        await roll_up(warehouse, unfinished=True)
