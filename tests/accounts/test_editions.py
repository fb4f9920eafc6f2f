from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import editions
from accounts.editions import EditionStatus
from accounts.models import Edition
from tests.examples import examples
from tests.factories import EditionFactory

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"]
DAYS = st.none() | st.integers(-2, 2)


def dates(start, length):
    """From so many days after NOON, for so many days; either edge may be missing."""
    first = None if start is None else (NOON + timedelta(days=start)).date()
    last = None if length is None else (NOON + timedelta(days=(start or 0) + abs(length))).date()
    return {"start_date": first, "end_date": last}


@given(
    rows=st.lists(st.tuples(st.sampled_from(ZONES), DAYS, DAYS), max_size=6),
    hours=st.integers(-48, 48),
)
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_query_finds_exactly_the_editions_that_have_the_status(organization, rows, hours):
    Edition.objects.all().delete()
    made = [EditionFactory(organization=organization, timezone=zone, **dates(*days)) for zone, *days in rows]
    moment = NOON + timedelta(hours=hours)

    for status in EditionStatus:
        found = set(editions.in_status(Edition.objects.all(), status, moment))
        assert found == {edition for edition in made if editions.status(edition, moment) == status}


@pytest.mark.parametrize(
    ("name", "taken", "slug"),
    [
        ("Sunday", [], "sunday"),
        ("Sunday", ["sunday"], "sunday-2"),
        ("Sunday", ["sunday", "sunday-2"], "sunday-3"),
        ("Sunday", ["sundays"], "sunday"),
        ("日曜", [], "edition"),
    ],
)
def test_a_slug_is_made_from_the_name_until_one_is_free(organization, name, taken, slug):
    for each in taken:
        EditionFactory(organization=organization, slug=each)

    assert editions.free_slug(organization, name) == slug


def test_slugs_are_free_in_each_organization_apart(organization):
    EditionFactory(slug="sunday")

    assert editions.free_slug(organization, "Sunday") == "sunday"
