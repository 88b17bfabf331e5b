"""The semantic tier of one partition: which answer, given to another question, may answer this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agents.cache.semantic.found import Found
from agents.cache.semantic.lookup import look_up
from agents.cache.semantic.verifier import Question, Verifier
from agents.cache.vectors.exact import ExactVectors
from agents.cache.vectors.protocol import VectorDatabase
from schemas.batch import Asked

EMBEDDED_AT_ONCE = 256
"""New questions that wait for the next look-up, to be embedded together: one by one costs four times as much."""
COMPARED = 2_000
"""Characters of answers that are compared."""
SAME = 0.5
"""Probability from which two answers count as the same."""
SMALL = 512
"""Questions of a scope up to which each is compared; a bigger one gets the index that is configured."""


@dataclass(slots=True)
class Shelf:
    """The questions of one scope.

    Attributes:
        index: Of the embeddings of those that are not `fresh`.
        questions: By the fingerprint of their requests.
        fresh: Not embedded yet.
        large: Whether the index is the one that is configured.
    """

    index: VectorDatabase
    questions: dict[str, Question] = field(default_factory=dict)
    fresh: dict[str, str] = field(default_factory=dict)
    large: bool = False


class SemanticCache:
    """Questions by scope; their answers are the exact tier's, which says when one goes.

    Nothing of it is bounded here: a question is known as long as its answer is kept.

    Args:
        verifier: Judges candidates, and has the embedding.
        open_index: Makes the empty index of a large scope.
        candidates: Nearest questions that are judged.
        least_similarity: Below which none is judged.
    """

    def __init__(
        self,
        verifier: Verifier,
        open_index: Callable[[], VectorDatabase],
        candidates: int,
        least_similarity: float,
    ) -> None:
        self._verifier = verifier
        self._open_index = open_index
        self._candidates = candidates
        self._least_similarity = least_similarity
        self._shelves: dict[str, Shelf] = {}
        self._scopes: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._scopes)

    def add(self, fingerprint: str, asked: Asked) -> None:
        """Know a question whose answer is kept under this fingerprint."""
        shelf = self._shelves.get(asked.scope)
        if shelf is None:
            shelf = self._shelves[asked.scope] = Shelf(ExactVectors(self._verifier.engine.dimensions))
        self._scopes[fingerprint] = asked.scope
        shelf.questions[fingerprint] = Question(asked.text)
        shelf.fresh[fingerprint] = asked.text
        if len(shelf.fresh) >= EMBEDDED_AT_ONCE:
            self._embed(shelf)

    def remove(self, fingerprint: str) -> None:
        """Know a question no more; one that is not known is ignored."""
        scope = self._scopes.pop(fingerprint, None)
        if scope is None:
            return
        shelf = self._shelves[scope]
        del shelf.questions[fingerprint]
        shelf.fresh.pop(fingerprint, None)
        shelf.index.remove([fingerprint])
        if not shelf.questions:
            del self._shelves[scope]

    def find(self, asked: Sequence[tuple[Asked, float]]) -> list[Found | None]:
        """Return for each question the likeliest other, and whether it is a hit at the question's own error bound.

        Args:
            asked: Questions, each with its bound.

        Returns:
            The likeliest of the nearest questions in the same scope; None where none is near enough, or all have
            other numbers.
        """
        found: list[Found | None] = [None] * len(asked)
        places: dict[str, list[int]] = {}
        for place, (question, _) in enumerate(asked):
            if question.scope in self._shelves:
                places.setdefault(question.scope, []).append(place)
        for scope, those in places.items():
            shelf = self._shelves[scope]
            self._embed(shelf)
            questions = [Question(asked[place][0].text) for place in those]
            vectors = self._verifier.engine.embed([question.text for question in questions])
            likeliest = look_up(
                questions,
                vectors,
                shelf.questions,
                shelf.index,
                self._verifier,
                [asked[place][1] for place in those],
                candidates=self._candidates,
                least_similarity=self._least_similarity,
                hurried=True,
            )
            for place, one in zip(those, likeliest, strict=True):
                found[place] = one
        return found

    def agree(self, one: str, other: str) -> bool:
        """Return whether two answers say the same, by the verifier: with another number or name they do not."""
        if one.split() == other.split():
            return True
        [probability] = self._verifier.probabilities([Question(one[:COMPARED])], [Question(other[:COMPARED])])
        return bool(probability >= SAME)

    def _embed(self, shelf: Shelf) -> None:
        """Bring the index up to date."""
        if not shelf.fresh:
            return
        incoming = shelf.fresh
        if not shelf.large and len(shelf.questions) > SMALL:
            shelf.index, shelf.large = self._open_index(), True
            incoming = {fingerprint: question.text for fingerprint, question in shelf.questions.items()}
        shelf.index.add(list(incoming), self._verifier.engine.embed(list(incoming.values())))
        shelf.fresh = {}
