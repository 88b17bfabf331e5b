"""The panels: one question each, one SQL file each, asked of what the sink has written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import ConfigurationError
from streams.warehouse.client import Row, Warehouse

FOLDER = Path(__file__).parent / "sql"
COMMENT = "-- "
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Panel:
    """One question.

    Attributes:
        name: Of its file, without suffix.
        title: For people; the file's first line.
        meaning: What its numbers say; the file's second line.
        sql: Takes the parameter `since`.
    """

    name: str
    title: str
    meaning: str
    sql: str

    async def ask(self, warehouse: Warehouse, since: datetime = ALWAYS) -> list[Row]:
        """Return the panel's rows.

        Args:
            warehouse: Of the database with the tables.
            since: Leave out what is older; must be aware of its time zone.

        Raises:
            WarehouseUnavailable: ClickHouse does not answer.
            WarehouseError: The tables are missing.
        """
        moment = since.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return await warehouse.rows(self.sql, {"since": moment})


def read_panels(folder: Path = FOLDER) -> dict[str, Panel]:
    """Return all panels by name.

    Raises:
        ConfigurationError: A file does not begin with its title and its meaning.
    """
    panels: dict[str, Panel] = {}
    for path in sorted(folder.glob("*.sql")):
        title, meaning, *rest = path.read_text().splitlines()
        if not (title.startswith(COMMENT) and meaning.startswith(COMMENT)):
            raise ConfigurationError(f"panel {path.name}: begin with two comments, the title and the meaning")
        name = path.stem
        panels[name] = Panel(name, title.removeprefix(COMMENT), meaning.removeprefix(COMMENT), "\n".join(rest))
    return panels


PANELS = read_panels()
