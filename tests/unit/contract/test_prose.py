"""What fields mean is read from docstrings, and asked for where it is missing."""

from __future__ import annotations

import pytest

from streams.contract.prose import Meanings, Undocumented, meaning_of


class Parcel:
    """Something on its way.

    More about it.

    Attributes:
        weight: In kilograms: with
            packaging.
        address: Where to.

    Raises:
        other: Not an attribute.
    """


class Letter(Parcel):
    """A light parcel.

    Attributes:
        weight: In grams.
    """


class Bare(Parcel):
    pass


def test_meaning_leaves_the_section_out() -> None:
    assert meaning_of(Parcel) == "Something on its way.\n\nMore about it."
    assert meaning_of(Bare) == ""


def test_attributes_with_continuation_lines() -> None:
    assert Meanings(Parcel) == {"weight": "In kilograms: with packaging.", "address": "Where to."}


def test_nearest_class_says_what_an_attribute_means() -> None:
    assert Meanings(Letter) == {"weight": "In grams.", "address": "Where to."}
    assert Meanings(Bare) == Meanings(Parcel)


def test_missing_meaning_names_the_field_and_where_to_write_it() -> None:
    with pytest.raises(Undocumented, match=r"colour has no meaning: add it .*\.Letter's docstring"):
        Meanings(Letter)["colour"]
