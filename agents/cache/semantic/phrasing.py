"""Turns of phrase told in plain words before anything is compared: `what is the best way to` is `how do i`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

IS = frozenset({"'s", "\u2019s"})


class Phrasing:
    """Turns of phrase by their first word.

    Args:
        phrases: What is said instead, with the turns it stands for, parted by bars; all in small letters.
    """

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._by_head: dict[str, list[tuple[list[str], list[str]]]] = {}
        for plain, turns in phrases.items():
            for turn in turns.split("|"):
                head, *rest = turn.split()
                self._by_head.setdefault(head, []).append((rest, plain.split()))
        for known in self._by_head.values():
            known.sort(key=lambda one: -len(one[0]))
        self._heads = frozenset(self._by_head)

    def plain(self, tokens: Sequence[str]) -> Sequence[str]:
        """Return the words with every turn of phrase that is known told in plain words."""
        small = ["is" if token in IS else token.lower() for token in tokens]
        if self._heads.isdisjoint(small):
            return tokens
        told: list[str] = []
        place = 0
        while place < len(tokens):
            taken = 0
            for rest, plain in self._by_head.get(small[place], ()):
                if small[place + 1 : place + 1 + len(rest)] == rest:
                    told += plain
                    taken = 1 + len(rest)
                    break
            if not taken:
                told.append(tokens[place])
                taken = 1
            place += taken
        return told
