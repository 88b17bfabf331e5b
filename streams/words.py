"""Texts as words in small letters, without the weight of what makes vectors of them."""

from __future__ import annotations

LONGEST_WORD = 64
"""A longer run is cut, so that a remembered word is never a whole document."""
LONGEST_PROMPT = 16_384
"""Characters of a longer prompt that count: half from its beginning, half from its end, where the question stands."""
ASCII = 128
_BLANKED = bytes(ord(" ") if byte < ASCII and not chr(byte).isalnum() else byte for byte in range(256))
"""Makes blanks of ASCII's marks; far cheaper than a regular expression, and the marks are not missed."""


def ends_of(text: str, head: int = LONGEST_PROMPT // 2, tail: int = LONGEST_PROMPT // 2) -> str:
    """Return the part of a text that counts: all of it, or so many characters of the ends of a longer one."""
    return text if len(text) <= head + tail else f"{text[:head]} {text[-tail:]}"


def cut_long(words: list[str]) -> list[str]:
    """Return the words, those that are too long in pieces."""
    if words and max(map(len, words)) > LONGEST_WORD:
        words = [word[at : at + LONGEST_WORD] for word in words for at in range(0, len(word), LONGEST_WORD)]
    return words


def split_words(text: str) -> list[str]:
    """Return the words of a short text in small letters, without ASCII's marks, however long they are."""
    return text.lower().encode(errors="replace").translate(_BLANKED).decode().split()
