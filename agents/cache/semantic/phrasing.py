"""Turns of phrase told in plain words before anything is compared: `what is the best way to` is `how do i`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

IS = frozenset({"'s", "\u2019s"})


class Phrasing:
    """Turns of phrase by their first two words.

    Args:
        phrases: What is said instead, with the turns it stands for, parted by bars; all in small letters. A turn has
            two words at least.
    """

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._turns: dict[str, dict[str, list[tuple[list[str], list[str]]]]] = {}
        for plain, turns in phrases.items():
            for turn in turns.split("|"):
                first, second, *rest = turn.split()
                self._turns.setdefault(first, {}).setdefault(second, []).append((rest, plain.split()))
        for seconds in self._turns.values():
            for known in seconds.values():
                known.sort(key=lambda one: -len(one[0]))

    def plain(self, tokens: Sequence[str]) -> Sequence[str]:
        """Return the words with every turn of phrase that is known told in plain words."""
        turns = self._turns
        small = [token.lower() for token in tokens]
        if not IS.isdisjoint(small):
            small = ["is" if token in IS else token for token in small]
        told: list[str] | None = None
        done = 0
        last = len(small) - 1
        for place, word in enumerate(small):
            if word not in turns or place < done or place == last:
                continue
            for rest, plain in turns[word].get(small[place + 1], ()):
                end = place + 2 + len(rest)
                if small[place + 2 : end] == rest:
                    told = [] if told is None else told
                    told += tokens[done:place]
                    told += plain
                    done = end
                    break
        if told is None:
            return tokens
        told += tokens[done:]
        return told
