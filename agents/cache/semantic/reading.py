"""A question read word by word: which words, in what roles, what is quoted, what is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agents.cache.semantic.asking import asked
from agents.cache.semantic.knowledge import Kind
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.politeness import bare

TOKEN = re.compile(
    r"[a-zA-Z]\w*(?:\+\+|\#)?|\d+(?:[.,]\d+)*|[\u3040-\u30ff\u4e00-\u9fff]|[^\W\d]\w*"
    r"|(?<=\w)['\u2019](?:s|t|m|re|ve|ll|d)\b|[.?!;]+|[<>=+*/^%$€£¥&|~@#°,-]"
)
"""Numbers, single signs of Chinese and Japanese, words and names, what an apostrophe cuts off, ends, and symbols."""
QUOTED = re.compile(r"```.*?```|`[^`]+`|\"[^\"]+\"|“[^”]+”|«[^»]+»|(?<!\w)'[^']+'(?!\w)", re.DOTALL)
QUOTES = re.compile("[\"`“«']")
LONGEST = 512
"""Words of a longer text that are read: half of them from its beginning, half from its end."""
APOSTROPHES = "'\u2019"
LONG_FORMS = {"s": "is", "m": "am", "re": "are", "ve": "have", "ll": "will"}
ARTICLES = frozenset({"a", "an", "the", "my", "your", "his", "her", "its", "our", "their"})
JOINING = frozenset({"and", "or", "&", "vs", "versus", "nor", "plus", ",", "/"})
SILENT = frozenset({",", "-", "&", "/"})
"""Symbols that stand between words of prose and change nothing."""
SIGNIFICANT = int(Kind.CONTENT | Kind.NUMBER)
NEGATING = int(Kind.NEGATION)
OPERATOR = int(Kind.SYMBOL)
SCALING = int(Kind.SCALE)
NUMERIC = int(Kind.NUMBER)


class Reading(NamedTuple):
    """What is compared of a text.

    Attributes:
        rows: Of its words in the lexicon, in order.
        roles: Of each word: what the preposition before it makes of it.
        phrases: Number of the run of content words that each word is in.
        groups: Number of the run of phrases joined by `and`, `or` or a comma.
        asks: The kind of question.
        quoted: Fingerprint of what stands in quotation marks or code fences; 0 for nothing.
        symbols: Fingerprint of the operators in their order; 0 for none.
        negations: How many there are.
        passive: Whether something is done by somebody.
        auxiliaries: One bit for each kind of auxiliary that there is.
    """

    rows: list[int]
    roles: list[int]
    phrases: list[int]
    groups: list[int]
    asks: int
    quoted: int
    symbols: int
    negations: int
    passive: int
    auxiliaries: int


def fingerprint(texts: list[str]) -> int:
    """Return a number for texts that is 0 for none; only compared within this process."""
    return (hash(tuple(texts)) or 1) if texts else 0


def tokens_of(text: str) -> Sequence[str]:
    """Return the words and symbols of a text; of a long one those at both ends."""
    tokens = TOKEN.findall(text)
    if len(tokens) > LONGEST:
        return tokens[: LONGEST // 2] + tokens[-LONGEST // 2 :]
    return tokens


def read(text: str, lexicon: Lexicon) -> Reading:
    """Read a text once."""
    text = bare(text)
    tokens = lexicon.phrasing.plain(tokens_of(text))
    reader = _Reader(lexicon)
    reader.take(tokens)
    quoted = QUOTED.findall(text) if QUOTES.search(text) else []
    return Reading(
        reader.rows,
        reader.roles,
        reader.phrases,
        reader.groups,
        asked(tokens, lexicon),
        fingerprint([quote.strip("`\"“”«»'").strip() for quote in quoted]),
        fingerprint(reader.symbols),
        reader.negations,
        int(reader.by_somebody and reader.acted),
        reader.auxiliaries,
    )


TO = "to"
ACTED = frozenset({"is", "are", "was", "were", "been", "be", "being", "get", "got", "gets"})


class _Reader:
    """Goes through the words of one text and keeps track of phrases."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.rows: list[int] = []
        self.roles: list[int] = []
        self.phrases: list[int] = []
        self.groups: list[int] = []
        self.symbols: list[str] = []
        self.negations = self.auxiliaries = 0
        self.acted = self.by_somebody = False

    def take(self, tokens: Sequence[str]) -> None:  # noqa: C901 - one pass over every word; calls would double its time
        """Read the words."""
        lexicon = self._lexicon
        known, flags, roles_of = lexicon.rows, lexicon.flags, lexicon.roles
        rows, roles, phrases, groups = self.rows, self.roles, self.phrases, self.groups
        of, by = lexicon.knowledge.role_of, lexicon.knowledge.role_by
        role = phrase = group = 0
        at_start, inside, joined, to = True, False, False, False
        verbs, auxiliaries = lexicon.knowledge.verbs, lexicon.knowledge.auxiliaries
        for token in tokens:
            first = token[0]
            if first in ".?!;":
                at_start, inside, joined, role = True, False, False, 0
                continue
            if first in APOSTROPHES:
                if token[1:] == "s" and inside:
                    roles[-1], inside = of, False
                    continue
                if token[1:] == "t":
                    self.negations += 1
                token = LONG_FORMS.get(token[1:], "")  # noqa: PLW2901 - what is cut off is a word
                if not token:
                    continue
                first = token[0]
            if at_start:
                at_start = False
                if first.isupper() and token[1:].islower():
                    token = token.lower()  # noqa: PLW2901 - whatever begins a sentence has a capital
            row = known.get(token)
            if row is None:
                row = lexicon.row(token)
            kinds = flags[row]
            if to:
                to = False
                if token in verbs:
                    role = 0  # what is done, not where to
            if kinds & SCALING and rows and flags[rows[-1]] & NUMERIC and inside:
                row = rows[-1] = lexicon.scaled(rows[-1], token)
                continue
            if kinds & NEGATING:
                self.negations += 1
            if kinds & SIGNIFICANT:
                if not inside:
                    inside = True
                    phrase += 1
                    if not joined:
                        group += 1
                joined = False
            else:
                inside = False
                if token in JOINING:
                    joined = bool(rows)
                elif token not in ARTICLES:
                    joined = False
                if roles_of[row] >= 0:
                    role = roles_of[row]
                    to = token == TO
                    if role == by:
                        self.by_somebody = True
                elif kinds & OPERATOR and token not in SILENT:
                    self.symbols.append(token)
                if token in auxiliaries:
                    self.auxiliaries |= auxiliaries[token]
                if token in ACTED:
                    self.acted = True
                if token in SILENT:
                    continue
            rows.append(row)
            roles.append(role)
            phrases.append(phrase)
            groups.append(group)
