import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.sms import BASIC, EXTENDED, Parts, count_parts, foreign_characters


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", Parts("GSM-7", 0, 0)),
        ("x", Parts("GSM-7", 1, 1)),
        ("x" * 160, Parts("GSM-7", 160, 1)),
        ("x" * 161, Parts("GSM-7", 161, 2)),
        ("x" * 306, Parts("GSM-7", 306, 2)),
        ("x" * 307, Parts("GSM-7", 307, 3)),
        ("€" * 80, Parts("GSM-7", 160, 1)),
        ("€" * 81, Parts("GSM-7", 162, 2)),
        ("Où ça? À 9 h", Parts("UCS-2", 12, 1)),  # neither ç nor À is in the alphabet, Ç is
        ("Grüße @ £5 {a}", Parts("GSM-7", 16, 1)),
        ("ж" * 70, Parts("UCS-2", 70, 1)),
        ("ж" * 71, Parts("UCS-2", 71, 2)),
        ("ж" * 135, Parts("UCS-2", 135, 3)),
        ("😀" * 35, Parts("UCS-2", 70, 1)),
        ("`", Parts("UCS-2", 1, 1)),
    ],
)
def test_the_parts_of_a_text(text, parts):
    assert count_parts(text) == parts


def test_a_character_of_two_units_is_not_split_between_parts():
    """153 septets a part: the euro sign at 153 and 154 goes into the second part, which pushes the end into a third."""
    assert count_parts("x" * 152 + "€" + "x" * 152).parts == 3
    assert count_parts("x" * 306).parts == 2
    assert count_parts("ж" * 66 + "😀" + "ж" * 66).parts == 3


def test_the_alphabets_have_the_size_the_standard_gives_them():
    assert len(BASIC) == 127  # and the escape
    assert len(EXTENDED) == 10
    assert not BASIC & EXTENDED


@given(text=st.text(max_size=400))
def test_parts_have_room_for_their_units(text):
    parts = count_parts(text)
    single, joined = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[parts.encoding]

    assert parts.units >= len(text)
    assert parts.units <= (single if parts.parts <= 1 else joined * parts.parts)
    assert parts.room >= 0
    assert (parts.encoding == "GSM-7") == (not foreign_characters(text))


@given(text=st.text(alphabet=sorted(BASIC), max_size=400))
def test_the_basic_alphabet_takes_a_septet_each(text):
    assert count_parts(text).units == len(text)


def test_what_needs_the_long_alphabet_is_named_once_and_in_order():
    assert foreign_characters("Łódź ł Ł") == "Łóźł"
