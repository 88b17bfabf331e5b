"""What the characters of a prompt tell about it, counted for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

COUNTED = (
    "0123456789",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    " ",
    "\n",
    "?",
    ",",
    "\"'`",
    "+-*/=^<>|~%",
    "()[]{}",
    "_$\\",
)
NAMES = ("digits", "capitals", "blanks", "lines", "questions", "commas", "quotes", "operators", "brackets", "signs")
FEATURES = (*NAMES, "numbers", "length", "word_length")
LONGEST = 16_384
OTHER = len(COUNTED)


def _classes() -> bytes:
    """Return the class of each byte, as `bytes.translate` takes it."""
    table = bytearray([OTHER] * 256)
    for number, characters in enumerate(COUNTED):
        for character in characters.encode():
            table[character] = number
    return bytes(table)


CLASSES = _classes()


def lexical(prompts: Sequence[str]) -> NDArray[np.float32]:
    """Return the features of each prompt, of shape (prompts, len(FEATURES)), each within about 0 to 2.

    Shares of characters by class (as square roots: the step from none to a few says most), how many numbers there
    are, the length, and the mean length of a word (as logarithms). A long prompt counts by its first 16,384 bytes.
    """
    if not prompts:
        return np.zeros((0, len(FEATURES)), dtype=np.float32)
    parts = [prompt.encode(errors="replace")[:LONGEST] or b"\0" for prompt in prompts]
    sizes = np.fromiter(map(len, parts), dtype=np.int64, count=len(parts))
    classes = np.frombuffer(b"".join(parts).translate(CLASSES), dtype=np.uint8)
    owner = np.repeat(np.arange(len(parts), dtype=np.int64) * (OTHER + 1), sizes)
    counts = np.bincount(owner + classes, minlength=len(parts) * (OTHER + 1)).reshape(len(parts), OTHER + 1)
    digits = classes == 0
    starts = np.cumsum(sizes) - sizes
    begins = digits & ~np.concatenate(([False], digits[:-1]))
    begins[starts] = digits[starts]
    numbers = np.add.reduceat(begins, starts, dtype=np.float64)
    shares = np.sqrt(counts[:, :OTHER] / sizes[:, None])
    length = np.log1p(sizes) / np.log(LONGEST)
    words = np.log1p(sizes / (1 + counts[:, COUNTED.index(" ")])) / np.log(10)
    return np.column_stack([shares, np.log1p(numbers) / np.log(10), length, words]).astype(np.float32)
