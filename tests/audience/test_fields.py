"""Custom fields and their values."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience import fields
from audience.errors import InvalidFields, InvalidKey
from audience.models import CustomField
from content.merge.expressions import BLOCKS, FUNCTIONS, KEYWORDS
from content.merge.values import context_of, text_of
from tests.factories import MailingListFactory, OrganizationFactory


def field(kind, **values):
    return CustomField(key="k", kind=kind, **values)


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("text", "  Ann  ", "Ann"),
        ("text", "日本語", "日本語"),
        ("text", 12, "12"),
        ("number", "12", 12),
        ("number", "-12.50", -12.5),
        ("number", "1e3", 1000),
        ("number", "12.0", 12),
        ("number", 3.25, 3.25),
        ("number", Decimal("0.5"), 0.5),
        ("date", "2026-03-31", "2026-03-31"),
        ("date", "31.3.2026", "2026-03-31"),
        ("date", "2026/03/31", "2026-03-31"),
        ("date", "2026-03-31T23:30:00", "2026-03-31"),
        ("date", date(2026, 3, 31), "2026-03-31"),
        ("date", datetime(2026, 3, 31, 23, 30, tzinfo=UTC), "2026-03-31"),
        ("time", "9:30", "09:30"),
        ("time", "09:30:00", "09:30"),
        ("time", "23.59.01", "23:59:01"),
        ("time", "12:05 a.m.", "00:05"),
        ("time", "9:30 PM", "21:30"),
        ("time", time(7, 5), "07:05"),
        ("boolean", "Yes", True),
        ("boolean", "0", False),
        ("boolean", False, False),
        ("boolean", 1, True),
    ],
)
def test_a_value_is_stored_in_the_form_of_its_kind(kind, written, stored):
    value = fields.parse(field(kind), written)

    assert value == stored
    assert type(value) is type(stored)


@pytest.mark.parametrize("kind", CustomField.Kind.values)
@pytest.mark.parametrize("written", [None, "", "   "])
def test_nothing_is_no_value_of_any_kind(kind, written):
    assert fields.parse(field(kind, choices=["a"]), written) is None


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("text", "Bob\r\nBcc: everybody@example.com"),
        ("text", "Bob\nRoss"),
        ("text", "Bob\x00"),
        ("text", "Bob\u2028Ross"),
        ("text", "Bob\udcff"),
        ("text", "x" * 1001),
        ("number", "twelve"),
        ("number", "1,5"),
        ("number", "1 000"),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e300"),
        ("number", "\uff11\uff12"),
        ("number", True),
        ("date", "03/04/2026"),
        ("date", "2026-02-30"),
        ("date", "soon"),
        ("time", "24:00"),
        ("time", "9:60"),
        ("time", "13:00 pm"),
        ("time", "noon"),
        ("time", "\u0660\u0669:30"),
        ("boolean", "perhaps"),
        ("choice", "green"),
        ("multi_choice", "red, green"),
        ("multi_choice", ["red", 5]),
        ("multi_choice", {"red": True}),
    ],
)
def test_a_value_that_does_not_fit_its_kind_is_refused(kind, written):
    with pytest.raises(ValueError, match=r"\.$"):
        fields.parse(field(kind, choices=["Red", "Blue"]), written)


def test_a_choice_is_stored_as_it_is_listed():
    assert fields.parse(field("choice", choices=["Red", "Blue"]), " red ") == "Red"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("tea", ["Tea"]),
        ("travel, TEA", ["Tea", "Travel"]),
        ("travel|tea|tea", ["Tea", "Travel"]),
        ("salt, pepper", ["Salt, pepper"]),
        ("tea, salt,pepper , travel", ["Tea", "Salt, pepper", "Travel"]),
        ("|", None),
        (["travel", " tea ", ""], ["Tea", "Travel"]),
        ([], None),
    ],
)
def test_several_choices_are_stored_as_a_list_in_the_order_of_the_field(written, stored):
    assert fields.parse(field("multi_choice", choices=["Tea", "Salt, pepper", "Travel"]), written) == stored


@given(st.lists(st.sampled_from(["Tea", "Salt, pepper", "Travel"]), min_size=1))
def test_several_choices_survive_a_cell_of_a_file(chosen):
    one = field("multi_choice", choices=["Tea", "Salt, pepper", "Travel"])
    stored = fields.parse(one, chosen)

    assert fields.parse(one, fields.as_cell(stored)) == stored
    assert fields.parse(one, ", ".join(stored)) == stored


def test_several_choices_read_as_a_sentence_in_an_email():
    person = fields.person({"email": "ann@example.com", "phone": "", "fields": {"likes": ["Tea", "Travel"]}})

    assert text_of(context_of(person, ["likes"])["likes"]) == "Tea, Travel"


def test_a_choice_of_several_holds_no_stroke(organization):
    with pytest.raises(InvalidKey):
        fields.create(organization, key="likes", kind="multi_choice", choices=["tea|coffee"])


@pytest.mark.parametrize("word", sorted(word for word in KEYWORDS | BLOCKS | FUNCTIONS | {"loop"} if word.islower()))
def test_a_word_of_the_merge_language_is_no_key(word):
    with pytest.raises(InvalidKey):
        fields.check_key(word)


@given(
    st.sampled_from(CustomField.Kind.values), st.one_of(st.text(max_size=20), st.floats(), st.dates(), st.integers())
)
def test_a_stored_value_parses_to_itself_and_breaks_no_header(kind, written):
    one = field(kind, choices=["a", "b"])
    try:
        stored = fields.parse(one, written)
    except ValueError:
        return

    assert fields.parse(one, stored) == stored
    assert not set(str(stored)) & set("\r\n\0")


def test_all_problems_are_told_at_once():
    known = {"age": field("number"), "born": field("date"), "name": field("text")}

    with pytest.raises(InvalidFields) as refusal:
        fields.parse_all(known, {"age": "old", "born": "long ago", "name": "Ann", "shoes": 42})

    assert set(refusal.value.problems) == {"age", "born", "shoes"}


def test_an_empty_value_takes_the_stored_one_away():
    changes = fields.parse_all({"age": field("number"), "name": field("text")}, {"age": "", "name": "Bob"})

    assert fields.merged({"age": 5, "name": "Ann", "town": "Ulm"}, changes) == {"name": "Bob", "town": "Ulm"}


@pytest.mark.parametrize("key", ["", "Age", "1st", "first name", "first-name", "é", "_x", "x" * 65, "age\n"])
def test_a_key_is_made_of_lower_case_letters_digits_and_underscores(key):
    with pytest.raises(InvalidKey):
        fields.check_key(key)


@pytest.mark.parametrize(
    "key", ["email", "phone", "unsubscribe_url", "preferences_url", "view_url", "if", "loop", "true"]
)
def test_a_key_with_a_meaning_of_its_own_is_refused(key):
    with pytest.raises(InvalidKey):
        fields.check_key(key)


@given(st.text(max_size=80))
def test_a_suggested_key_is_always_a_possible_one(name):
    fields.check_key(fields.suggest_key(name))


def test_a_key_is_suggested_from_a_heading():
    assert fields.suggest_key("  First Name ") == "first_name"
    assert fields.suggest_key("E-Mail") == "e_mail"
    assert fields.suggest_key("Email") == "email_field"


def test_a_key_belongs_to_the_organization_or_to_lists_and_lists_share_its_kind(organization):
    first, second = MailingListFactory.create_batch(2, organization=organization)
    fields.create(organization, key="town")
    fields.create(organization, key="size", kind="number", mailing_list=first)

    for refused in (
        {"key": "town"},
        {"key": "town", "mailing_list": first},
        {"key": "size"},
        {"key": "size", "kind": "number", "mailing_list": first},
        {"key": "size", "kind": "text", "mailing_list": second},
        {"key": "colour", "kind": "choice"},
        {"key": "colour", "kind": "choice", "choices": ["red", "Red"]},
        {"key": "colour", "kind": "smell"},
        {"key": "colour", "mailing_list": MailingListFactory()},
    ):
        with pytest.raises(InvalidKey):
            fields.create(organization, **refused)
    fields.create(organization, key="size", kind="number", mailing_list=second)
    fields.create(OrganizationFactory(), key="size", kind="date")


def test_a_list_has_the_organizations_fields_and_its_own(organization):
    mailing_list, other = MailingListFactory.create_batch(2, organization=organization)
    fields.create(organization, key="town")
    fields.create(organization, key="size", mailing_list=mailing_list)
    fields.create(organization, key="colour", mailing_list=other)
    fields.create(OrganizationFactory(), key="secret")

    assert set(fields.of_list(mailing_list)) == {"town", "size"}
    assert fields.known_keys(organization) == {"email", "phone", "town", "size", "colour"}


def test_the_merge_values_of_a_person():
    values = fields.person(
        {"email": "ann@example.com", "phone": "", "fields": {"town": "Ulm", "email": "forged@example.com"}},
        {"size": 5},
    )

    assert values == {"email": "ann@example.com", "phone": "", "town": "Ulm", "size": 5}


def test_a_person_without_email_or_list_has_empty_merge_values():
    assert fields.person({"email": None, "phone": "+4520123456", "fields": {}}) == {"email": "", "phone": "+4520123456"}
