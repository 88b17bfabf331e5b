"""Comparing what stands in a table with what the archive says, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from streams.warehouse.client import Row, Warehouse
from streams.warehouse.inserts import until_ended

COMPARE_SETTINGS = {"max_bytes_before_external_group_by": 256 * 1024 * 1024}
COUNTS = """
    sum(old_rows) AS rows_before, sum(new_rows) AS rows_after,
    countIf(old_rows = 0) AS missing, countIf(new_rows = 0) AS surplus,
    countIf(old_rows > 0 AND new_rows > 0 AND old_contents != new_contents) AS changed
"""
DIFFERENCES = ("missing", "surplus", "changed")
DIFFERS = "old_rows = 0 OR new_rows = 0 OR old_contents != new_contents"


@dataclass(frozen=True, slots=True)
class TableReplay:
    """One table, rebuilt.

    Attributes:
        table: Its name as analysts know it.
        rows_before: Rows it had.
        rows_after: Rows by the archive.
        missing: Rows the archive gives that the table lacked.
        surplus: Rows the table had that the archive does not give.
        changed: Rows with the same key and other contents.
        swapped: The rebuilt table has taken its place.
    """

    table: str
    rows_before: int
    rows_after: int
    missing: int
    surplus: int
    changed: int
    swapped: bool

    @property
    def identical(self) -> bool:
        """Whether the table was what the archive says."""
        return not (self.missing or self.surplus or self.changed)


def differing(table: str) -> str:
    """Return the name of the table that holds which rows of another differ."""
    return f"{table}_replay_differing"


async def compare(warehouse: Warehouse, table: str, columns: str, swapped: bool) -> TableReplay:
    """Compare a table with the one built beside it.

    An insert that is just being written is in one of the two first. So what differs is looked at again when the
    inserts have ended; whoever calls drops the table that keeps it meanwhile.

    Args:
        warehouse: Where they are.
        table: Its name as analysts know it.
        columns: That are compared.
        swapped: For the report.
    """
    counts = await _counted(warehouse, _by_key(table, columns))
    if any(counts[difference] for difference in DIFFERENCES):
        again = await _once_written(warehouse, table, columns)
        counts |= {difference: again[difference] for difference in DIFFERENCES}
    return TableReplay(table, swapped=swapped, **counts)


async def _once_written(warehouse: Warehouse, table: str, columns: str) -> Row:
    await warehouse.command(
        f"CREATE TABLE {differing(table)} ENGINE = MergeTree ORDER BY event_key AS"  # noqa: S608 - as below
        f" SELECT event_key FROM ({_by_key(table, columns)}) WHERE {DIFFERS}",
        settings=COMPARE_SETTINGS,
    )
    await until_ended(warehouse)
    some = f"WHERE event_key IN (SELECT event_key FROM {differing(table)})"  # noqa: S608 - names of our own tables
    return await _counted(warehouse, _by_key(table, columns, some))


async def _counted(warehouse: Warehouse, by_key: str) -> Row:
    (counts,) = await warehouse.rows(f"SELECT {COUNTS} FROM ({by_key})", settings=COMPARE_SETTINGS)  # noqa: S608 - as above
    return counts


def _by_key(table: str, columns: str, condition: str = "") -> str:
    """Return what there is of each row, in the table and in the one beside it."""
    contents = f"event_key, cityHash64(tuple({columns})) AS contents"
    return (
        "SELECT event_key, countIf(is_new = 0) AS old_rows, countIf(is_new = 1) AS new_rows,"  # noqa: S608 - as above
        " sumIf(contents, is_new = 0) AS old_contents, sumIf(contents, is_new = 1) AS new_contents"
        f" FROM (SELECT {contents}, 0 AS is_new FROM {table}_store FINAL {condition}"
        f" UNION ALL SELECT {contents}, 1 AS is_new FROM {table}_replay FINAL {condition}) GROUP BY event_key"
    )
