from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from streams.sink.positions import resume_at

BLOCK_ROWS = 100


@pytest.mark.parametrize(
    ("committed", "archived", "position", "why"),
    [
        (0, 0, 0, "nothing is known: from the start"),
        (500, 500, 500, "all is finished"),
        (450, 500, 450, "a crash between insert and commit: the block comes again"),
        (0, 500, 400, "the commits are lost: no more than a block can be unfinished"),
        (0, 30, 0, "the first block was under way"),
        (500, 0, 0, "the archive was emptied: all over again"),
        (500, 300, 300, "what follows was republished and is skipped again"),
    ],
)
def test_position(committed: int, archived: int, position: int, why: str) -> None:
    assert resume_at(committed, archived, BLOCK_ROWS) == position, why


@given(some.integers(0, 1000), some.integers(0, 1000))
def test_nothing_is_left_out_and_at_most_a_block_comes_again(committed: int, archived: int) -> None:
    position = resume_at(committed, archived, BLOCK_ROWS)
    assert max(0, archived - BLOCK_ROWS) <= position <= archived
