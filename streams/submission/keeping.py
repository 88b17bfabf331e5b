"""Saving the journal while rows are being written: never out of order, never ahead of the output."""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass

from streams.submission.journal import Journal, encode_journal, journal_path
from streams.submission.output import Output


@dataclass(frozen=True, slots=True)
class Note:
    """The journal as it stood at one moment.

    Attributes:
        number: Later notes have higher numbers.
    """

    number: int
    encoded: bytes


class JournalKeeper:
    """Saves notes of the journal beside the output, from any thread; an older note never replaces a newer one.

    Args:
        output: The rows a note speaks of are appended to it before the note is taken.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._path = journal_path(output.path)
        self._numbers = itertools.count(1)
        self._saved = 0
        self._lock = threading.Lock()

    def note(self, journal: Journal) -> Note:
        """Take a note of the journal as it stands now."""
        return Note(next(self._numbers), encode_journal(journal))

    def save(self, note: Note) -> None:
        """Replace the journal on disk by this note, once the rows it speaks of are on disk too."""
        with self._lock:
            if note.number <= self._saved:
                return
            self._output.synchronise()
            beside = self._path.with_name(self._path.name + ".new")
            with beside.open("wb") as file:
                file.write(note.encoded)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            self._saved = note.number
