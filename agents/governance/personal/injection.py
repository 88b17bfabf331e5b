"""Signs of prompt injection: a flag for people and rules downstream, never a reason to refuse.

Each heuristic is a pattern known from published attacks (OWASP LLM01:2025); text about such attacks shows the same
signs.
"""

from __future__ import annotations

import re

HEURISTICS: dict[str, re.Pattern[str]] = {
    "ignore_instructions": re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass)\s{1,3}(?:\w{1,12}\s{1,3}){0,3}"
        r"(?:previous|prior|above|earlier|preceding|system|foregoing)\s{1,3}"
        r"(?:instruction|prompt|message|rule|direction|guideline|context)"
        r"|\bignorier\w{0,3}\s{1,3}(?:\w{1,12}\s{1,3}){0,2}(?:vorherigen|bisherigen|obigen)\s{1,3}anweisung"
        r"|\bignor\w{1,4}\s{1,3}(?:\w{1,12}\s{1,3}){0,2}(?:instructions?|instrucciones|istruzioni|instruções)\s{1,3}"
        r"(?:pr[ée]c[ée]dent|anterior)",
    ),
    "reveal_prompt": re.compile(
        r"\b(?:reveal|print|repeat|show|output|leak|tell me|display)\s{1,3}(?:\w{1,12}\s{1,3}){0,3}"
        r"(?:system|initial|hidden|original)\s{1,3}(?:prompt|instructions|message)",
    ),
    "new_role": re.compile(
        r"\byou are now (?:in )?(?:dan\b|developer mode|jailbroken|an? unrestricted|free from)"
        r"|\b(?:do anything now|jailbreak mode|without any (?:restrictions|filters))\b",
    ),
    "fake_turn": re.compile(
        r"<\|(?:im_start|im_end|system|assistant|endoftext)\|>|<<sys>>|\[/?inst\]"
        r"|(?:^|\n)#{2,4} ?(?:system|new instructions?) ?:"
    ),
    "exfiltration": re.compile(r"!\[[^\]\n]{0,200}\]\(https?://[^)\s]{0,300}[?&][^)\s=]{1,40}=\s?(?:\{|\[|<|\$)"),
}
"""Looked for in the text in small letters. Repetitions are bounded: the time is linear in the text."""
HIDDEN_TEXT = "hidden_text"
_HIDDEN = re.compile("[\U000e0020-\U000e007f]{4}|[\u202d\u202e\u2066-\u2069]|[\u200b\u2060]{3}")
"""Tag characters, which models read and people do not see, overridden directions, and runs of empty characters."""
_GATES = {
    gate: name
    for name, gates in {
        "ignore_instructions": ("ignor", "disregard", "forget", "override", "bypass"),
        "reveal_prompt": ("prompt", "instructions", "message"),
        "new_role": ("you are now", "do anything now", "jailbreak", "without any"),
        "fake_turn": ("<|", "<<sys", "inst]", "##"),
        "exfiltration": ("](http",),
    }.items()
    for gate in gates
}
"""By what stands in every text that a heuristic finds: nearly all texts hold none, and finding that out is cheap."""
_NOTHING: frozenset[str] = frozenset()


def signs_of_injection(text: str) -> frozenset[str]:
    """Return the names of the heuristics that a text triggers."""
    lowered = text.lower()
    gates = [gate for gate in _GATES if gate in lowered]
    if not gates and text.isascii():
        return _NOTHING
    found = {name for name in {_GATES[gate] for gate in gates} if HEURISTICS[name].search(lowered)}
    if not text.isascii() and _HIDDEN.search(text):
        found.add(HIDDEN_TEXT)
    return frozenset(found)
