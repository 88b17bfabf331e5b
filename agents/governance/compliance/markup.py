"""HTML in which everything that comes from outside is escaped, by construction.

Written with the standard library: one page, whose parts are tables, needs no template language, and a text that is
not `Markup` cannot get into it unescaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: str) -> Markup:
    """Return an element; children that are no `Markup` are escaped, and so are the values of attributes.

    Args:
        tag: Its name.
        *children: In order.
        **attributes: With a trailing underscore where Python needs it: `class_`.
    """
    names = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return Markup(f"<{tag}{names}>{joined(children)}</{tag}>")


def joined(children: Iterable[object]) -> Markup:
    """Return children one after the other, each escaped unless it is `Markup`."""
    return Markup("".join(child if isinstance(child, Markup) else escape(_text(child)) for child in children))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[int] = ()) -> Markup:
    """Return a table, or a line that says that there is nothing.

    Args:
        headings: Of the columns.
        rows: Their cells.
        numbers: Columns that hold numbers.
    """
    right = set(numbers)
    head = element("tr", *(element("th", one, class_=_class(place, right)) for place, one in enumerate(headings)))
    body = [
        element("tr", *(element("td", one, class_=_class(place, right)) for place, one in enumerate(row)))
        for row in rows
    ]
    if not body:
        return element("p", "None.", class_="none")
    return element("table", element("thead", head), element("tbody", *body))


def facts(pairs: Mapping[str, object]) -> Markup:
    """Return names with their values."""
    rows = [
        element("tr", element("th", name), element("td", value, class_="number")) for name, value in pairs.items()
    ]
    return element("table", element("tbody", *rows), class_="facts")


def _class(place: int, right: set[int]) -> str:
    return "number" if place in right else "text"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
