"""Which tests run beside which, when several processes run them (`--dist loadfile`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    import pytest

KILLS = "tests/chaos/"
FROM_THE_FRONT = 2
"""Processes that begin with the tests with kills: more of those at once would take the cores from each other."""


class FromBothEnds(LoadFileScheduling):  # type: ignore[misc] # xdist ships no type information
    """Two processes take tests from the front of the collection, all others from its back, until they meet.

    In front are the longest tests, those with kills, which mostly wait: they are spread one by one, since each has
    services of its own. At the back are the unit tests, which never wait. Where both ends meet lie files of middling
    length, so that no process is left working alone for long. Every other file stays in one process, so that what it
    starts is started once.

    Args:
        config: That of the run.
        log: Handed on to xdist.
    """

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the order is that of the collection

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(KILLS) else str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: Any) -> None:
        if self.nodes.index(node) >= FROM_THE_FRONT:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
