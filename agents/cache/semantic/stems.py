"""Words without their endings, roughly: what is compared, never what is shown."""

from __future__ import annotations

ENDINGS = ("ingly", "edly", "ing", "ies", "ied", "ed", "es", "ly", "s", "y", "e")
LEAST_STEM = 3
VOWELS = frozenset("aeiouy")
KEPT = ("ss", "us", "is")
IRREGULAR = {
    word: words.split()[0]
    for words in (
        "go goes went gone going",
        "use uses used using",
        "be being been",
        "write wrote written",
        "eat ate eaten",
        "take took taken",
        "give gave given",
        "make made",
        "buy bought",
        "sell sold",
        "find found",
        "build built",
        "teach taught",
        "think thought",
        "bring brought",
        "see saw seen",
        "know knew known",
        "grow grew grown",
        "drive drove driven",
        "speak spoke spoken",
        "break broke broken",
        "beat beaten",
        "steal stole stolen",
        "choose chose chosen",
        "win won",
        "lose lost",
        "leave left",
        "send sent",
        "pay paid",
        "say said",
        "tell told",
        "sing sang sung",
        "swim swam swum",
        "man men",
        "woman women",
        "child children",
        "person people",
        "foot feet",
        "tooth teeth",
        "mouse mice",
    )
    for word in words.split()
    if word not in {"left", "found"}
}
"""`left` is also a side, and to have found something is not to found it."""


def stem(word: str) -> str:
    """Return what is left of a word in small letters without its ending."""
    irregular = IRREGULAR.get(word)
    if irregular is not None:
        word = irregular
    if word.endswith(KEPT):
        return word
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= LEAST_STEM:
            rest = word[: -len(ending)]
            if not VOWELS.intersection(rest):
                continue
            if ending in {"ing", "ed"} and rest[-1] == rest[-2] and rest[-1] not in "lsz":
                rest = rest[:-1]
            return rest if ending not in {"s", "es"} else _plain(rest)
    return word


def _plain(rest: str) -> str:
    """Return a plural without the endings that the singular would lose too."""
    return rest[:-1] if len(rest) > LEAST_STEM and rest[-1] in "ey" else rest
