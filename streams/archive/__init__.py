"""The archive is the memory of the log: what a broker forgot comes back from it, and tables are rebuilt from it."""

from streams.archive.comparison import TableReplay
from streams.archive.replay import ReplayReport, replay
from streams.archive.restore import RestoreReport, restore

__all__ = ["ReplayReport", "RestoreReport", "TableReplay", "replay", "restore"]
