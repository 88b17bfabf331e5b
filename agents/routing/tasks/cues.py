"""Words that give a task away where they stand in a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.routing.embedding import words_of

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
HEAD = 200
TAIL = 100
"""Characters looked at: the instruction stands at the beginning or the end, and what it is about in between."""
FEW = 3
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
    rows = np.array([_row(prompt) for prompt in prompts], dtype=np.float64).reshape(len(prompts), len(FEATURES))
    return np.minimum(rows, 2 * FEW) / FEW


def _row(prompt: str) -> list[float]:
    ends = prompt if len(prompt) <= HEAD + TAIL else f"{prompt[:HEAD]} {prompt[-TAIL:]}"
    words = words_of(ends)
    kinds = [0] * len(NAMES)
    for word in _KNOWN.intersection(words):
        for place in _PLACES[word]:
            kinds[place] += 1
    for place in _PLACES.get(words[0], ()) if words else ():
        kinds[place] += FEW
    numbers = len([word for word in words if word.isdecimal()])
    return [*kinds, FEW * (FENCE in prompt), FEW * (OPTION in prompt), FEW * FEW / (1 + len(words)), numbers]
