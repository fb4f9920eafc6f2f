"""Numbers in addresses, as people and scanners type them."""

import pytest
from django.urls import reverse

from accounts.admin.pages import LARGEST_KEY, row_number

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), (str(LARGEST_KEY), LARGEST_KEY), (str(LARGEST_KEY + 1), None), ("0", None), ("", None), ("x", None)],
)
def test_only_what_can_be_a_key_is_one(text, number):
    assert row_number(text) == number


@pytest.mark.parametrize(
    ("page", "name"),
    [("campaigns_campaign", "tag"), ("audience_subscriber", "list"), ("audience_import", "list")],
)
def test_a_filter_with_a_number_no_row_can_have_shows_nothing_and_breaks_nothing(alice, login, page, name):
    address = reverse(f"admin:{page}_changelist")

    answer = login(alice).get(address, {name: "9" * 30})

    assert answer.status_code == 200
