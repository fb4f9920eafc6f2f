"""A null character, which PostgreSQL cannot compare with anything, gives no page a fault."""

import pytest
from django.urls import reverse

from tests.api.management.conftest import ROOT, client_of
from tests.api.management.routes import every_route, read_from_addresses
from tests.factories import draft_campaign

LISTS = [
    "campaigns_campaign",
    "audience_subscriber",
    "audience_mailinglist",
    "audience_segment",
    "audience_suppression",
]
LISTS += ["audience_import", "content_email", "tags_tag"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("parameter", ["q", "status", "list", "o"])
def test_no_list_of_the_admin_breaks(alice, login, name, parameter):
    answer = login(alice).get(reverse(f"admin:{name}_changelist"), {parameter: "a\x00b"})

    assert answer.status_code == 400


def test_no_preview_breaks(organization, alice, login):
    campaign = draft_campaign(organization)

    answer = login(alice).get(reverse("admin:campaigns_campaign_preview", args=[campaign.pk]), {"q": "a\x00b"})

    assert answer.status_code == 400


def test_no_form_breaks(organization, alice, login):
    answer = login(alice).post(reverse("admin:audience_suppression_check"), {"values": "a\x00b@example.com"})

    assert answer.status_code == 400


def test_no_list_of_the_rest_api_breaks(organization, alice):
    api = client_of(alice, organization)
    for route in every_route():
        for parameter in read_from_addresses(route) if route.method == "get" and "{id}" not in route.path else ():
            answer = api.get(f"{ROOT}{route.path}", {parameter: "a\x00b"})
            assert answer.status_code in (200, 400, 404), f"{route}?{parameter}"
