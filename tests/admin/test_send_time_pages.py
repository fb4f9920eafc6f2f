"""In whose time a campaign goes out, quiet hours, and once more to non-openers, in the admin."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
import time_machine

from audience.models import Subscriber
from campaigns import lifecycle
from campaigns.models import Campaign
from delivery.freeze import freeze
from delivery.models import QuietHours
from splittests.models import AutoResend
from splittests.tasks import go_on
from tests.factories import EditionFactory, campaign_in, draft_campaign, staff
from tests.splittests.test_resending import days_later, resent, sent

pytestmark = pytest.mark.django_db
SIX_PM = datetime(2030, 1, 9, 18, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def bob_at_his_desk(login, bob):
    return login(bob)


def page_of(campaign, path):
    return f"/admin/campaigns/campaign/{campaign.pk}/{path}/"


def around_the_world(organization):
    campaign = draft_campaign(organization, people=3, local_time=True, expires_after_hours=6)
    zones = ("Pacific/Auckland", "Europe/Berlin", "America/New_York")
    for person, zone in zip(Subscriber.objects.order_by("pk"), zones, strict=True):
        Subscriber.objects.filter(pk=person.pk).update(fields={"timezone": zone})
    return campaign


def test_the_form_keeps_in_whose_time_it_goes_out_and_when_it_expires(bob_at_his_desk, organization):
    edition = EditionFactory(organization=organization)  # in Berlin
    campaign = draft_campaign(organization, edition=edition)
    variant, part = campaign.variants.get(), campaign.audience.get()
    given = {"name": "Evening", "channel": "email", "edition": edition.pk, "local_time": "on"}
    given |= {"content": "existing", "email": variant.email_id, "included": [f"list-{part.mailing_list_id}"]}

    bob_at_his_desk.post(
        page_of(campaign, "edit"), given | {"expires_after_hours": "6", "expires_at": "2030-01-12T09:00"}
    )

    campaign.refresh_from_db()
    assert (campaign.local_time, campaign.expires_after_hours) == (True, 6)
    assert campaign.expires_at == datetime(2030, 1, 12, 8, tzinfo=UTC)
    shown = bob_at_his_desk.get(page_of(campaign, "edit")).content.decode()
    assert 'value="2030-01-12T09:00"' in shown


def test_choosing_a_time_says_when_it_is_whose_turn(login, bob, organization):
    campaign = around_the_world(organization)

    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)):
        bob_at_his_desk = login(bob)
        asked = bob_at_his_desk.get(page_of(campaign, "zones") + "?at=2030-01-09T18:00").content.decode()
        dialog = bob_at_his_desk.get(page_of(campaign, "transitions/submit")).content.decode()

    assert "Wed 9 Jan 2030, 18:00</strong> in Pacific/Auckland = Wed 9 Jan 2030, 05:00" in asked
    assert "Wed 9 Jan 2030, 18:00</strong> in America/New York = Wed 9 Jan 2030, 23:00" in asked
    assert "Choose a later day" not in asked
    assert page_of(campaign, "zones") in dialog


def test_the_page_follows_each_zone(login, bob, organization):
    campaign = around_the_world(organization)
    QuietHours.objects.create(organization=organization, channel="email", begin=time(17, 30), end=time(19))
    with time_machine.travel(datetime(2030, 1, 9, 12, tzinfo=UTC), tick=False):
        bob_at_his_desk = login(bob)
        lifecycle.submit(campaign, by=staff(organization), schedule=lifecycle.at(SIX_PM, "Europe/Berlin"))
        planned = bob_at_his_desk.get(page_of(campaign, "zones")).content.decode()
        lifecycle.start(campaign)
        freeze(campaign)
        page = bob_at_his_desk.get(page_of(campaign, "change")).content.decode()
        followed = bob_at_his_desk.get(page_of(campaign, "zones")).content.decode()

    assert "Choose a later day" in planned  # it has been 18:00 in Auckland
    assert page_of(campaign, "zones") in page
    assert "6 hours after" in page
    assert "their hour" in page
    assert followed.count("Quiet hours") == 3
    assert "0, 1 waiting" in followed


def test_a_campaign_for_everybody_at_once_says_nothing_of_zones(bob_at_his_desk, organization):
    campaign = campaign_in("scheduled", organization)

    assert page_of(campaign, "zones") not in bob_at_his_desk.get(page_of(campaign, "change")).content.decode()


def test_an_auto_resend_is_planned_changed_and_switched_off(bob_at_his_desk, organization):
    campaign = draft_campaign(organization)
    where = page_of(campaign, "auto-resend")
    assert "Send once more…" in bob_at_his_desk.get(page_of(campaign, "once-more")).content.decode()

    refused = bob_at_his_desk.post(where, {"enabled": "on", "wait_days": "3", "subject": ""})
    assert (refused.status_code, AutoResend.objects.count()) == (422, 0)
    assert "under which subject" in refused.content.decode()
    bob_at_his_desk.post(where, {"enabled": "on", "wait_days": "3", "subject": "Did you see this?"})
    assert "Did you see this?" in bob_at_his_desk.get(page_of(campaign, "once-more")).content.decode()
    bob_at_his_desk.post(where, {"wait_days": "", "subject": "Did you see this?"})
    assert AutoResend.objects.get().enabled is False


def test_the_pair_is_shown_on_both_pages_and_in_both_reports(bob_at_his_desk, organization):
    campaign = resent(organization=organization)
    sent(campaign)
    with days_later(3):
        go_on()
    resend = Campaign.objects.get(original=campaign)

    assert resend.name in bob_at_his_desk.get(page_of(campaign, "once-more")).content.decode()
    assert "This is the resend of" in bob_at_his_desk.get(page_of(resend, "once-more")).content.decode()
    report = bob_at_his_desk.get(page_of(campaign, "report")).content.decode()
    assert 'id="pair-title"' in report
    assert resend.name in report
    assert bob_at_his_desk.get(page_of(resend, "change")).status_code == 200


def test_a_viewer_plans_nothing(login, victor, organization):
    victor_at_his_desk = login(victor)
    campaign = draft_campaign(organization)

    assert "Send once more…" not in victor_at_his_desk.get(page_of(campaign, "once-more")).content.decode()
    given = {"enabled": "on", "wait_days": 3, "subject": "x"}
    refused = victor_at_his_desk.post(page_of(campaign, "auto-resend"), given)
    assert (refused.status_code, AutoResend.objects.count()) == (403, 0)


def test_administrators_set_quiet_hours_and_marketers_do_not(login, alice, bob_at_his_desk, organization):
    alice_at_her_desk = login(alice)
    where = "/admin/delivery/quiethours/"
    given = {"channel": "sms", "begin": "21:00", "end": "08:00", "edition": ""}

    assert bob_at_his_desk.post(where + "add/", given).status_code == 403
    assert "Many people want no text messages at night" in alice_at_her_desk.get(where).content.decode()
    alice_at_her_desk.post(where + "add/", given)
    assert QuietHours.objects.get().organization == organization
    again = alice_at_her_desk.post(where + "add/", given)
    assert "There are quiet hours for this channel already." in again.content.decode()
    same = alice_at_her_desk.post(where + "add/", given | {"channel": "email", "end": "21:00"})
    assert "nothing would ever be sent" in same.content.decode()
    row = QuietHours.objects.get()
    alice_at_her_desk.post(f"{where}{row.pk}/change/", given | {"begin": "22:00"})
    row.refresh_from_db()
    assert row.begin == time(22)
    alice_at_her_desk.post(f"{where}{row.pk}/delete/", {"post": "yes"})
    assert not QuietHours.objects.exists()
