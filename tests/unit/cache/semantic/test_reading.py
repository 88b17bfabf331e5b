from __future__ import annotations

import pytest

from agents.cache.semantic import asking
from agents.cache.semantic.knowledge import Kind, numeral, shipped
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.politeness import bare
from agents.cache.semantic.reading import LONGEST, read, tokens_of
from agents.cache.semantic.stems import stem


def concepts(text: str, lexicon: Lexicon) -> list[str]:
    return [lexicon.meanings[row].concept for row in read(text, lexicon).rows]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("convert", "converting"),
        ("city", "cities"),
        ("run", "running"),
        ("price", "prices"),
        ("write", "wrote"),
        ("study", "studies"),
    ],
)
def test_words_lose_their_endings(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("text", "value"), [("10,000", 10_000), ("3.5", 3.5), ("3,5", 3.5), ("1,234.5", 1234.5)])
def test_numerals_are_read(text: str, value: float) -> None:
    assert numeral(text) == value


def test_numbers_are_the_same_however_they_are_written(lexicon: Lexicon) -> None:
    assert concepts("five", lexicon) == concepts("5", lexicon) == concepts("5.0", lexicon)
    assert concepts("2 million euros", lexicon) == concepts("2,000,000 euros", lexicon)
    assert concepts("1.2.3", lexicon) != concepts("1.2.4", lexicon)


def test_units_and_synonyms_are_the_same_and_other_units_are_not(lexicon: Lexicon) -> None:
    assert concepts("10 km", lexicon) == concepts("10 kilometres", lexicon)
    assert concepts("10 km", lexicon) != concepts("10 miles", lexicon)
    assert concepts("purchase a phone", lexicon) == concepts("buy a smartphone", lexicon)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Is it unlawful?", 1),
        ("Is it lawful?", 0),
        ("Why don't they?", 1),
        ("Do I understand?", 0),
        ("neither here nor there", 2),
    ],
)
def test_negations_are_counted(text: str, kind: int, lexicon: Lexicon) -> None:
    assert read(text, lexicon).negations == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What is rust?", asking.WHAT),
        ("What is the best way to learn it?", asking.HOW),
        ("what's the reason for it", asking.WHY),
        ("At what time does it start?", asking.WHEN),
        ("How many are there?", asking.HOW_MANY),
        ("How old is it?", asking.HOW_LONG),
        ("Is it far?", asking.WHETHER),
        ("Is there a way to do it?", asking.HOW),
        ("Translate it", asking.COMMAND),
        ("Explain why it is so", asking.WHY),
        ("", 0),
        ("bread and butter", 0),
    ],
)
def test_the_kind_of_question_is_told(text: str, kind: int, lexicon: Lexicon) -> None:
    assert read(text, lexicon).asks == kind


def test_words_after_a_preposition_have_its_role(lexicon: Lexicon) -> None:
    reading = read("Fly from Rome to Oslo", lexicon)
    roles = dict(zip(concepts("Fly from Rome to Oslo", lexicon), reading.roles, strict=True))
    turned = read("Fly to Oslo from Rome", lexicon)
    assert roles["rom"] != roles["oslo"]
    assert roles == dict(zip(concepts("Fly to Oslo from Rome", lexicon), turned.roles, strict=True))


def test_what_belongs_to_somebody_is_of_him(lexicon: Lexicon) -> None:
    first, second = read("France's capital", lexicon), read("capital of France", lexicon)
    assert first.roles[0] == second.roles[-1] != 0


def test_quotes_and_operators_are_told_apart(lexicon: Lexicon) -> None:
    assert read("say `a < b`", lexicon).quoted != read("say `a > b`", lexicon).quoted
    assert read("say 'yes' to me", lexicon).quoted == read('say "yes" to me', lexicon).quoted
    assert read("is 3 < 5", lexicon).symbols != read("is 3 > 5", lexicon).symbols
    assert read("well-known, and so on", lexicon).symbols == 0


def test_politeness_is_left_out_unless_there_is_nothing_else() -> None:
    assert bare("Hi! Could you please tell me what time it is? Thank you very much!") == "what time it is"
    assert bare("Thanks") == "Thanks"
    assert bare("Welcome home") == "Welcome home"


def test_of_a_long_text_both_ends_are_read() -> None:
    tokens = tokens_of("begin " + "x " * 10_000 + "end")
    assert (len(tokens), tokens[0], tokens[-1]) == (LONGEST, "begin", "end")


def test_names_in_programs_keep_their_capitals() -> None:
    knowledge = shipped()
    assert knowledge.meaning("readLine").concept != knowledge.meaning("readline").concept
    assert knowledge.meaning("snake_case").kinds & Kind.CODE
    assert knowledge.meaning("Oslo").kinds & Kind.ENTITY


@pytest.mark.parametrize(
    ("turn", "plain"),
    [
        ("What's the best way to peel an egg?", "How do I peel an egg?"),
        ("What is the reason that it rains?", "Why it rains?"),
        ("How tall is it in the United Kingdom?", "What is the height of it in the UK?"),
        ("What is the population of Chad?", "How many people live in Chad?"),
    ],
)
def test_turns_of_phrase_are_told_in_plain_words(turn: str, plain: str, lexicon: Lexicon) -> None:
    assert concepts(turn, lexicon) == concepts(plain, lexicon)


@pytest.mark.parametrize("text", ["what is the best", "how", "is it", "What is the best way home"])
def test_the_beginning_of_a_turn_alone_is_left_as_it_is(text: str, lexicon: Lexicon) -> None:
    assert len(read(text, lexicon).rows) == len(text.split())


def test_what_follows_to_is_done_or_is_where_something_goes(lexicon: Lexicon) -> None:
    done, gone = read("fly to see Oslo", lexicon), read("fly to Oslo", lexicon)
    to = lexicon.knowledge.meaning("to").role
    assert done.roles[-1] == 0
    assert gone.roles[-1] == to


@pytest.mark.parametrize(
    ("text", "kind"),
    [("How do I swim?", asking.HOW), ("How fast is it?", asking.HOW_LONG), ("How dangerous is it?", asking.HOW_LONG)],
)
def test_a_manner_is_no_degree(text: str, kind: int, lexicon: Lexicon) -> None:
    assert read(text, lexicon).asks == kind
