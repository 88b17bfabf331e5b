"""Words of one side beside those of the other: in what order and roles they stand, and how near the rest is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.asking import APART, WHETHER
from agents.cache.semantic.batch import Floats, Ints, Side
from agents.cache.semantic.lexicon import Lexicon

AUXILIARIES = ("past", "present", "future", "able", "ought", "permitted", "support", "speaker", "addressed")
"""As `words.yaml` lists them."""
NAMES = (
    "crossed",
    "crossed_joined",
    "crossed_moved",
    "roles_changed",
    "roles_strong",
    "roles_swapped",
    "roles_opposed",
    "passive_kept",
    "passive_crossed",
    "near_least",
    "near_less",
    "near_more",
    "apart_less",
    "apart_more",
    "apart_worst",
    "apart_worst_pair",
    "same_begin",
    "same_end",
    "modified_both",
    "modified",
    "trailed",
    "passive_differs",
    "negations_differ",
    "negated",
    "quoted_differs",
    "quoted_once",
    "symbols_differ",
    "asks_differ",
    "asks_apart",
    "asks_whether",
    "asks_less",
    "asks_more",
    *(f"{kind}_differs" for kind in AUXILIARIES),
)
ARRANGED = NAMES.index("passive_differs")
CHUNK = 512
"""Pairs at a time: what they need stays in the processor's cache."""
FAR = -1.0


def alignment(first: Side, second: Side, lexicon: Lexicon) -> Floats:
    """Return the features named in `NAMES`; the same whichever side is first. Shape (pairs, len(NAMES))."""
    widths = np.maximum((first.window >= 0).sum(axis=1), (second.window >= 0).sum(axis=1))
    order = np.argsort(widths, kind="stable")
    arranged = np.empty((len(order), ARRANGED), dtype=np.float32)
    for start in range(0, len(order), CHUNK):
        part = order[start : start + CHUNK]  # of about one width, so that little is compared that is not there
        arranged[part] = _aligned(first, second, part, max(1, int(widths[part[-1]])), lexicon)
    differ = first.asks != second.asks
    slots = np.column_stack(
        [
            first.passive != second.passive,
            (first.negations & 1) != (second.negations & 1),
            (first.negations > 0) & (second.negations > 0),
            (first.quoted != second.quoted) & (first.quoted != 0) & (second.quoted != 0),
            (first.quoted == 0) != (second.quoted == 0),
            first.symbols != second.symbols,
            differ,
            differ & (np.isin(first.asks, APART) | np.isin(second.asks, APART)),
            (first.asks == WHETHER) != (second.asks == WHETHER),
            np.minimum(first.asks, second.asks),
            np.maximum(first.asks, second.asks),
            *((first.auxiliaries ^ second.auxiliaries) >> place & 1 for place in range(len(AUXILIARIES))),
        ]
    )
    return np.hstack([arranged, slots]).astype(np.float32)


def _aligned(first: Side, second: Side, part: Ints, width: int, lexicon: Lexicon) -> Floats:
    cut = slice(0, width)
    mine, others = first.window[part, cut], second.window[part, cut]
    here, there = mine >= 0, others >= 0
    concepts = lexicon.concept
    a, b = np.where(here, concepts[mine], -1), np.where(there, concepts[others], -2)
    same = _numbered(a)[:, :, None] == _numbered(b)[:, None, :]
    order = _order(
        same,
        (first.roles[part, cut], second.roles[part, cut]),
        (first.phrases[part, cut], second.phrases[part, cut]),
        (first.groups[part, cut], second.groups[part, cut]),
        (first.passive[part], second.passive[part]),
        lexicon,
    )
    near = np.matmul(lexicon.vectors[mine], lexicon.vectors[others].transpose(0, 2, 1))
    near = np.where(same, np.float32(1), near)
    near = np.where(here[:, :, None] & there[:, None, :], near, np.float32(FAR))
    beside = _beside(same, (here, there), (first.phrases[part, cut], second.phrases[part, cut]))
    return np.hstack([order, _nearness(near, here, there), _ends(a, b, here, there), beside])


Sides = tuple[Ints, Ints]
Flags = NDArray[np.bool_]


def _order(
    same: Flags, roles: Sides, phrases: Sides, groups: Sides, passive: tuple[Flags, Flags], lexicon: Lexicon
) -> Floats:
    """Return how the words that both sides have changed places.

    `crossed`: pairs of words in another order, unless joined by `and` on both sides (`crossed_joined`), each with
    the preposition it had (`crossed_moved`), or because one side says by whom it is done (`passive_kept`; where
    that changes who does it, `passive_crossed`).
    """
    matched: Flags = np.logical_or.reduce(same, axis=2)
    partner = same.argmax(axis=2)
    pick = np.take_along_axis
    role_a, role_b = roles[0], pick(roles[1], partner, axis=1)
    phrase_a, phrase_b = phrases[0], pick(phrases[1], partner, axis=1)
    group_a, group_b = groups[0], pick(groups[1], partner, axis=1)
    width = matched.shape[1]
    upper = np.triu(np.ones((width, width), dtype=np.bool_), 1)
    pairs: Flags = matched[:, :, None] & matched[:, None, :]
    both: Flags = pairs & upper
    crossed = both & (partner[:, :, None] > partner[:, None, :])

    def alike(values: Ints) -> Flags:
        return np.asarray(values[:, :, None] == values[:, None, :], dtype=np.bool_)

    doer_a: Flags = passive[0][:, None] & (role_a == lexicon.knowledge.role_by)
    doer_b: Flags = passive[1][:, None] & (role_b == lexicon.knowledge.role_by)
    turned = np.logical_xor(*passive).reshape(-1, 1, 1)
    ahead = np.tri(width, dtype=np.bool_, k=-1)  # j stands before i on the first side
    ahead_b = partner[:, :, None] > partner[:, None, :]
    done_a = pairs & doer_a[:, :, None] & (role_a == 0)[:, None, :] & ahead
    done_b = pairs & doer_b[:, :, None] & (role_b == 0)[:, None, :] & ahead_b
    wrong = turned & ((done_a & ahead_b) | (done_b & ahead))
    right = turned & ((done_a & ~ahead_b) | (done_b & ~ahead))
    told_by_whom = right.any(axis=(1, 2)) & ~wrong.any(axis=(1, 2))
    crossed &= ~told_by_whom[:, None, None]  # its verb and what it is done to change places as well
    strong = lexicon.knowledge.strong
    joined = crossed & alike(group_a) & alike(group_b) & ~alike(phrase_a) & ~alike(phrase_b)
    kept = role_a == role_b
    moved = crossed & ~joined & kept[:, :, None] & kept[:, None, :] & ~alike(role_a)
    swapped = (
        both
        & ~alike(role_a)
        & (role_a[:, :, None] == role_b[:, None, :])
        & (role_b[:, :, None] == role_a[:, None, :])
    )
    return np.column_stack(
        [
            (crossed & ~joined & ~moved).sum(axis=(1, 2)),
            joined.sum(axis=(1, 2)),
            moved.sum(axis=(1, 2)),
            (matched & ~kept).sum(axis=1),
            (matched & ~kept & ~(doer_a | doer_b) & (strong[role_a] | strong[role_b])).sum(axis=1),
            swapped.sum(axis=(1, 2)),
            (matched & ~kept & ~(doer_a | doer_b) & strong[role_a] & strong[role_b]).sum(axis=1),
            right.sum(axis=(1, 2)),
            wrong.sum(axis=(1, 2)),
        ]
    ).astype(np.float32)


def _numbered(concepts: Ints) -> Ints:
    """Return a number for each word that tells the first from the second time it stands there."""
    width = concepts.shape[1]
    before: Flags = np.tri(width, dtype=np.bool_, k=-1) & (concepts[:, :, None] == concepts[:, None, :])
    return np.asarray(concepts * width + np.where(concepts >= 0, before.sum(axis=2), 0), dtype=np.int64)


def _nearness(near: Floats, here: Flags, there: Flags) -> Floats:
    """Return how near each side's words are to the nearest of the other side, all of them and the unmatched."""
    sides = []
    for best, present in ((near.max(axis=2), here), (near.max(axis=1), there)):
        count = np.maximum(1, present.sum(axis=1))
        kept = np.where(present, best, 0)
        mean = kept.sum(axis=1) / count
        least = np.where(present, best, 1).min(axis=1)
        unmatched = present & (best < 0.999)
        many = unmatched.sum(axis=1)
        apart = np.where(many > 0, np.where(unmatched, best, 0).sum(axis=1) / np.maximum(1, many), 1)
        sides.append((mean, least, apart))
    (mean_a, least_a, apart_a), (mean_b, least_b, apart_b) = sides
    return np.column_stack(
        [
            np.minimum(least_a, least_b),
            np.minimum(mean_a, mean_b),
            np.maximum(mean_a, mean_b),
            np.minimum(apart_a, apart_b),
            np.maximum(apart_a, apart_b),
            np.maximum(least_a, least_b),
            least_a + least_b,
        ]
    ).astype(np.float32)


def _beside(same: Flags, present: tuple[Flags, Flags], phrases: Sides) -> Floats:
    """Return how many words without a partner stand right before one that has one, and right after, in one phrase.

    Such a word before another most often makes something else of it: a used car is no car; one after it less so.
    """
    before, after = [], []
    for axis, here, phrase in zip((2, 1), present, phrases, strict=True):
        matched: Flags = np.logical_or.reduce(same, axis=axis)
        alone = here & ~matched
        joined = phrase[:, 1:] == phrase[:, :-1]
        before.append((alone[:, :-1] & matched[:, 1:] & joined).sum(axis=1))
        after.append((alone[:, 1:] & matched[:, :-1] & joined).sum(axis=1))
    return np.column_stack([np.minimum(*before), np.maximum(*before), np.maximum(*after)]).astype(np.float32)


def _ends(a: Ints, b: Ints, here: Flags, there: Flags) -> Floats:
    """Return the share of words that the sides begin and end with alike."""
    count_a, count_b = here.sum(axis=1), there.sum(axis=1)
    longest = np.maximum(1, np.maximum(count_a, count_b))
    begin = np.logical_and.accumulate(a == b, axis=1).sum(axis=1)
    width = a.shape[1]
    back = np.arange(width)
    take = np.take_along_axis
    tail_a = take(a, np.maximum(0, count_a[:, None] - 1 - back), axis=1)
    tail_b = take(b, np.maximum(0, count_b[:, None] - 1 - back), axis=1)
    within = (back < count_a[:, None]) & (back < count_b[:, None])
    end = np.logical_and.accumulate((tail_a == tail_b) & within, axis=1).sum(axis=1)
    return np.column_stack([begin / longest, end / longest]).astype(np.float32)
