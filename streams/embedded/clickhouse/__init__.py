"""The embedded ClickHouse endpoint: one process owns a data directory and speaks ClickHouse's HTTP interface.

Start it with `python -m streams.embedded.clickhouse --path DIR`. Why it is built this way, what was measured
and what it cannot do is in `docs/adr/0002-embedded-clickhouse.md`.
"""
