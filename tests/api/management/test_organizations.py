"""Who am I, and where."""

import pytest

from tests.api.management.conftest import ROOT
from tests.factories import OrganizationFactory

ORGANIZATIONS = f"{ROOT}organizations/"


@pytest.fixture
def address(organization):
    return f"{ORGANIZATIONS}{organization.public_id}/"


def test_me(api, bob, organization):
    response = api.get(f"{ROOT}auth/me/")

    assert response.json() == {
        "id": str(bob.pk),
        "email": "bob@staff.example",
        "name": "bob",
        "organizations": [{"id": organization.public_id, "name": "Morning Post", "role": "manager"}],
    }


def test_an_organization_is_shown_with_the_callers_role(viewer_api, address, organization):
    shown = viewer_api.get(address).json()

    assert list(shown) == ["id", "name", "slug", "timezone", "timezone_field", "role", "created", "modified"]
    assert (shown["id"], shown["slug"], shown["role"]) == (organization.public_id, "morning-post", "viewer")


def test_a_list_shows_ones_own_organizations_in_a_constant_number_of_queries(
    client, bob, organization, django_assert_max_num_queries
):
    for number in range(9):
        bob.memberships.create(organization=OrganizationFactory(name=f"Extra {number}"), role="viewer")
    OrganizationFactory(name="Another's")
    client.force_login(bob)

    with django_assert_max_num_queries(4):
        body = client.get(ORGANIZATIONS, {"ordering": "-name"}).json()

    assert body["count"] == 10
    assert body["results"][0]["name"] == "Morning Post"
    assert {each["role"] for each in body["results"]} == {"manager", "viewer"}


def test_by_keyword(client, bob, organization):
    bob.memberships.create(organization=OrganizationFactory(name="Evening Star"), role="viewer")
    client.force_login(bob)

    body = client.get(ORGANIZATIONS, {"search": "evening"}).json()

    assert [each["name"] for each in body["results"]] == ["Evening Star"]


def test_administrators_change_name_slug_and_time_zone(admin_api, address):
    response = admin_api.patch(
        address, {"name": "Midday", "slug": "midday", "timezone": "Europe/Oslo", "role": "viewer"}
    )

    assert response.status_code == 200
    shown = response.json()
    assert (shown["name"], shown["slug"], shown["timezone"], shown["role"]) == (
        "Midday",
        "midday",
        "Europe/Oslo",
        "admin",
    )


def test_others_do_not(api, address, organization):
    response = api.patch(address, {"name": "Mine"})

    assert response.status_code == 403
    organization.refresh_from_db()
    assert organization.name == "Morning Post"


@pytest.mark.parametrize(
    ("change", "field"), [({"timezone": "Moon/Base"}, "timezone"), ({"slug": "taken"}, "slug"), ({"name": ""}, "name")]
)
def test_what_cannot_be(admin_api, address, change, field):
    OrganizationFactory(slug="taken")

    response = admin_api.patch(address, change)

    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_organizations_are_neither_made_nor_deleted_here(admin_api, address):
    assert admin_api.post(ORGANIZATIONS, {"name": "New"}).status_code == 405
    assert admin_api.delete(address).status_code == 405


def test_a_superuser_counts_as_an_administrator(admin_client, organization):
    (shown,) = admin_client.get(ORGANIZATIONS).json()["results"]

    assert shown["role"] == "admin"
