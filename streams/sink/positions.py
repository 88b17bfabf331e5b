"""Where to go on reading: ClickHouse knows what it has.

The archive's newest offset says what is there; an offset committed to the broker says that the insert which brought
it was finished, tables derived from the archive included. Between the two lies at most the one block that was under
way in a crash: it is read again, and rows that are there already are the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition

from streams.warehouse.client import Warehouse

PLACE = "(topic = {{topic{n}:String}} AND partition = {{partition{n}:UInt32}} AND offset >= {{offset{n}:UInt64}})"


async def archived_ends(
    warehouse: Warehouse, cluster: str, committed: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Return the offset after the newest one archived, for each partition that has any.

    Args:
        warehouse: Where the archive is.
        cluster: Id of the log.
        committed: The broker's offsets; looking from there keeps the query to the archive's newest rows.
    """
    found = await _newest(warehouse, cluster, {place: max(0, offset - 1) for place, offset in committed.items()})
    unseen = [place for place, offset in committed.items() if place not in found and offset > 0]
    if unseen:  # the archive is behind the commits: somebody emptied it
        found |= await _newest(warehouse, cluster, dict.fromkeys(unseen, 0))
    return found


async def _newest(
    warehouse: Warehouse, cluster: str, starts: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    if not starts:
        return {}
    parameters: dict[str, object] = {"cluster": cluster}
    for n, (place, start) in enumerate(starts.items()):
        parameters |= {f"topic{n}": place.topic, f"partition{n}": place.partition, f"offset{n}": start}
    places = " OR ".join(PLACE.format(n=n) for n in range(len(starts)))
    rows = await warehouse.rows(
        "SELECT topic, partition, max(offset) AS newest FROM archive_store "  # noqa: S608 - placeholders only
        f"WHERE cluster = {{cluster:String}} AND ({places}) GROUP BY topic, partition",
        parameters,
    )
    return {TopicPartition(row["topic"], row["partition"]): row["newest"] + 1 for row in rows}


def resume_at(committed: int, archived: int, block_rows: int) -> int:
    """Return the offset to go on from.

    Args:
        committed: Next offset by the broker's commit; 0 when there is none.
        archived: Next offset by the archive; 0 when it has nothing.
        block_rows: Most events in one insert: a crash leaves no more than that unfinished.
    """
    return max(min(committed, archived), archived - block_rows)
