"""Each person's own time, quiet hours, messages that expire, and once more to non-openers, over REST."""

from datetime import UTC, datetime

import pytest
import time_machine

from audience.models import Subscriber
from campaigns import lifecycle
from delivery.freeze import freeze
from delivery.models import QuietHours
from splittests.tasks import go_on
from tests.api.management.conftest import ROOT
from tests.factories import EditionFactory, draft_campaign, staff
from tests.splittests.test_resending import days_later, resent, sent


def address(campaign, path=""):
    return f"{ROOT}campaigns/{campaign.public_id}/{path}"


def test_options_of_the_time_are_written_and_read(api, organization):
    campaign = draft_campaign(organization, edition=EditionFactory(organization=organization))

    given = {"local_time": True, "expires_after_hours": 6, "expires_at": "2037-12-01T09:00:00"}
    shown = api.patch(address(campaign), given).json()

    assert shown["local_time"] is True
    assert (shown["expires_after_hours"], shown["expires_at"]) == (6, "2037-12-01T08:00:00Z")
    assert shown["original_id"] is None
    nothing = {"expires_after_hours": None, "expires_at": None, "local_time": False}
    cleared = api.patch(address(campaign), nothing).json()
    assert {name: cleared[name] for name in nothing} == nothing


@pytest.mark.parametrize(
    "given",
    [{"local_time": "perhaps"}, {"expires_after_hours": 0}, {"expires_after_hours": -1}, {"expires_at": "soon"}],
)
def test_options_that_make_no_sense_are_refused_by_field(api, organization, given):
    campaign = draft_campaign(organization)

    refused = api.patch(address(campaign), given)

    assert (refused.status_code, list(refused.json())) == (400, list(given))


def test_zones_are_planned_before_the_audience_is_fixed_and_followed_afterwards(api, organization):
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)):
        campaign = draft_campaign(organization, people=3, local_time=True)
        for person, zone in zip(
            Subscriber.objects.order_by("pk"), ("Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin"), strict=True
        ):
            Subscriber.objects.filter(pk=person.pk).update(fields={"timezone": zone})
        moment = datetime(2030, 1, 9, 17, tzinfo=UTC)
        lifecycle.submit(campaign, by=staff(organization), schedule=lifecycle.at(moment, "Europe/Berlin"))
        planned = api.get(address(campaign, "zones/")).json()
    with time_machine.travel(datetime(2030, 1, 9, 4, tzinfo=UTC)):
        lifecycle.start(campaign)
        freeze(campaign)
        followed = api.get(address(campaign, "zones/")).json()

    tokyo = {"release_at": "2030-01-09T09:00:00Z", "begins_at": "2030-01-09T09:00:00Z"}
    berlin = {"release_at": "2030-01-09T17:00:00Z", "begins_at": "2030-01-09T17:00:00Z"}
    assert followed == [
        {"zone": "Asia/Tokyo", "people": 2, "done": 0, "pending": 2, **tokyo},
        {"zone": "Europe/Berlin", "people": 1, "done": 0, "pending": 1, **berlin},
    ]
    assert [row for row in planned if row["people"]] == followed


def test_quiet_hours_are_kept_for_an_organization_and_an_edition(admin_api, organization):
    edition = EditionFactory(organization=organization)
    given = {"organization_id": organization.public_id, "channel": "sms", "begin": "21:00", "end": "08:00"}

    made = admin_api.post(f"{ROOT}quiet-hours/", given)
    assert made.status_code == 201, made.content
    own = admin_api.post(f"{ROOT}quiet-hours/", {**given, "edition_id": edition.public_id})
    assert own.status_code == 201
    again = admin_api.post(f"{ROOT}quiet-hours/", given)
    assert (again.status_code, list(again.json())) == (400, ["end"])

    where = f"{ROOT}quiet-hours/{made.json()['id']}/"
    assert admin_api.patch(where, {"begin": "22:30"}).json()["begin"] == "22:30:00"
    same = admin_api.patch(where, {"begin": "08:00"})
    assert (same.status_code, same.json()) == (
        400,
        {"end": ["Begin and end are the same: nothing would ever be sent."]},
    )
    assert admin_api.get(f"{ROOT}quiet-hours/").json()["count"] == 2
    assert admin_api.delete(where).status_code == 204
    assert QuietHours.objects.get().edition == edition


def test_who_manages_campaigns_sees_quiet_hours_but_sets_none(api, organization):
    QuietHours.objects.create(organization=organization)

    assert api.get(f"{ROOT}quiet-hours/").json()["count"] == 1
    given = {"organization_id": organization.public_id, "channel": "email", "begin": "21:00", "end": "08:00"}
    assert api.post(f"{ROOT}quiet-hours/", given).status_code in (400, 403)
    assert QuietHours.objects.count() == 1


def test_an_auto_resend_is_planned_read_and_dropped(api, organization):
    campaign = draft_campaign(organization)
    assert api.get(address(campaign, "auto-resend/")).status_code == 404

    planned = api.patch(address(campaign, "auto-resend/"), {"wait_days": 2, "subject": "Did you see this?"})
    assert planned.status_code == 200, planned.content
    assert planned.json() == {
        "enabled": True,
        "wait_days": 2,
        "subject": "Did you see this?",
        "preheader": "",
        "goes_out_at": None,
        "resend_id": None,
        "problem": "",
        "uplift": None,
    }
    assert api.patch(address(campaign, "auto-resend/"), {"wait_days": 0}).status_code == 400
    assert api.delete(address(campaign, "auto-resend/")).status_code == 204
    assert api.get(address(campaign, "auto-resend/")).json()["enabled"] is False


def test_a_resend_names_its_original_and_can_be_changed_no_more(api, organization):
    campaign = resent(organization=organization)
    sent(campaign)
    with days_later(3):
        go_on()

    shown = api.get(address(campaign, "auto-resend/")).json()
    resend = api.get(f"{ROOT}campaigns/{shown['resend_id']}/").json()
    assert resend["original_id"] == campaign.public_id
    refused = api.patch(address(campaign, "auto-resend/"), {"subject": "Another"})
    assert (refused.status_code, refused.json()) == (409, {"detail": "The resend has been made already."})


def test_the_field_of_time_zones_is_the_organizations_to_choose(admin_api, organization):
    where = f"{ROOT}organizations/{organization.public_id}/"

    assert admin_api.get(where).json()["timezone_field"] == "timezone"
    assert admin_api.patch(where, {"timezone_field": "tz"}).json()["timezone_field"] == "tz"
    assert admin_api.patch(where, {"timezone_field": "No key!"}).status_code == 400
