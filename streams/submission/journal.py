"""How far a submission is safely on disk: a small file beside the output, replaced as a whole.

What it says is true of the output on disk, since the output is synchronised first. It names the results' offsets to
read on from, so that an interrupted submission finds the answers that came in the meantime without asking again.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from schemas.errors import ConfigurationError
from streams.submission.identity import Asking
from streams.submission.rows import RowFormat
from streams.submission.source import Fingerprint
from streams.submission.tally import Tally

SUFFIX = ".asahi-progress"


class Journal(msgspec.Struct):
    """The state of one submission.

    Attributes:
        cluster: Id of the broker's log; offsets mean nothing on another one.
        started_at: When the submission began, over all attempts.
        lines: Lines of the input that are done.
        input_offset: Byte offset behind them.
        output_bytes: Length of the output that belongs to them.
        positions: First offset of `asahi.results` to read, by partition.
    """

    submission: str
    input: Fingerprint
    asking: Asking
    row_format: RowFormat
    cluster: str
    started_at: datetime
    positions: dict[int, int]
    lines: int = 0
    input_offset: int = 0
    output_bytes: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    complete: bool = False
    version: int = 1


_decoder = msgspec.json.Decoder(Journal)
encode_journal = msgspec.json.Encoder().encode


def journal_path(output: Path) -> Path:
    """Return where the journal of this output is."""
    return output.with_name(output.name + SUFFIX)


def load_journal(path: Path) -> Journal | None:
    """Return the journal, or None when there is none.

    Raises:
        ConfigurationError: It is not one this release can read.
    """
    try:
        return _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as wrong:
        raise ConfigurationError(
            f"{path} cannot be read ({wrong}); remove it and the output to begin anew"
        ) from wrong
