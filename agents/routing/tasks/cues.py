"""Words that give a task away where they stand in a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.words import ends_of, split_words

CUES: dict[str, str] = {
    "question": "who what when where which how does is are explain define answer",
    "choice": "following true false correct statement statements answer",
    "summary": "summarize summarise summary tldr tl condense gist recap digest takeaways overview shorten abstract "
    "sum minutes",
    "extraction": "extract pull entities fields json parse list identify mentioned keys names csv schema output",
    "class": "classify categorize categorise category label sentiment positive negative neutral spam intent tag "
    "assign",
    "translation": "translate translation übersetze traduce traduis french german spanish italian japanese chinese "
    "korean portuguese dutch polish russian arabic turkish swedish hindi english into",
    "code": "python javascript java rust go typescript sql function code class bug script api regex bash css html "
    "docker dockerfile git pytest react pandas def import return implement refactor compile traceback algorithm",
    "logic": "follows conclude deduce argument premise valid logically riddle puzzle clues therefore assumption lies",
    "maths": "solve calculate compute evaluate equation integral derivative probability many much total percent each "
    "per prove twice half cost costs average area sum polynomial matrix",
    "creative": "story poem haiku lyrics slogan imagine novel song invent compose limerick sonnet scene dialogue",
    "talk": "hi hello hey thanks thank you i my me your lol ok sorry feel",
    "rewriting": "rewrite rephrase paraphrase proofread grammar polish reword tone spelling improve edit sound "
    "simplify",
}
NAMES = tuple(CUES)
FEATURES = (*NAMES, "fence", "options", "short", "numbers")
FENCED, OPTIONS, SHORT, NUMBERS = range(len(NAMES), len(FEATURES))
HEAD = 200
TAIL = 100
"""Characters looked at: the instruction stands at the beginning or the end, and what it is about in between."""
FEW = 3
LARGEST = 2 * FEW
FENCE = "```"
OPTION = "\nB. "

_PLACES: dict[str, list[int]] = {}
for _place, _words in enumerate(CUES.values()):
    for _word in _words.split():
        _PLACES.setdefault(_word, []).append(_place)
_KNOWN = frozenset(_PLACES)


def cues(prompts: Sequence[str]) -> NDArray[np.float64]:
    """Return how many words of each kind stand at the ends of each prompt, at most a few; (prompts, len(FEATURES)).

    The first word counts again by the kind it is of, since an instruction mostly begins with its verb. Code fences,
    lettered options, brevity and numbers follow.
    """
    rows = np.array([marks(prompt) for prompt in prompts], dtype=np.float64).reshape(len(prompts), len(FEATURES))
    rows[:, SHORT] = FEW * FEW / (1 + rows[:, SHORT])
    return np.minimum(rows, LARGEST) / FEW


def marks(prompt: str) -> list[int]:
    """Return what is counted in a prompt, by feature; in the place of brevity the number of words."""
    words = split_words(ends_of(prompt, HEAD, TAIL))
    found = [0] * len(FEATURES)
    for word in _KNOWN.intersection(words):
        for place in _PLACES[word]:
            found[place] += 1
    if words:
        for place in _PLACES.get(words[0], ()):
            found[place] += FEW
    if FENCE in prompt:
        found[FENCED] = FEW
    if OPTION in prompt:
        found[OPTIONS] = FEW
    found[SHORT] = len(words)
    found[NUMBERS] = sum(map(str.isdecimal, words))
    return found
