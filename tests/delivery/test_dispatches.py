"""What a campaign's delivery settings do to its messages: speed, seed lists, tracking and the Sender."""

import email
import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from campaigns import drafts
from campaigns.errors import Locked, NotAllowed, NotReady
from content.tokens import read_link_token
from delivery import dispatches, pace, seeds
from delivery.models import Dispatch, Recipient, SeedCopy, SeedList
from delivery.rendering import render_recipient
from tests.delivery.servers import Mailbox
from tests.delivery.states import deliver_all, reloaded, sending, states
from tests.factories import draft_campaign, staff

pytestmark = pytest.mark.django_db


def settled(campaign, **changes):
    return dispatches.settle(campaign, by=staff(campaign.organization), **changes)


def message_of(campaign, run):
    return email.message_from_bytes(render_recipient(Recipient.objects.filter(run=run).first()))


def body_of(message):
    parts = message.walk() if message.is_multipart() else [message]
    return "".join(part.get_payload(decode=True).decode() for part in parts if not part.is_multipart())


def test_what_is_not_tracked_has_no_pixel_and_its_own_links():
    campaign, run = sending(people=1, analytics_domains="example.com")
    tracked = body_of(message_of(campaign, run))
    assert {"/o/", "/c/"} <= {path for path in ("/o/", "/c/") if path in tracked}
    [link] = {read_link_token(found) for found in re.findall(r"/c/[\w-]+/([\w-]+)", tracked)}
    assert (link.url, "utm_source=Broadsheet&utm_medium=email&utm_campaign=" in link.added) == (
        "https://example.com/story",
        True,
    )
    Dispatch.objects.create(
        campaign=campaign, tracks_opens=False, tracks_clicks=False, sender_email="desk@news.example"
    )

    message = message_of(campaign, run)

    body = body_of(message)
    assert "/o/" not in body
    assert "/c/" not in body
    assert "https://example.com/story" in body
    assert message["Sender"] == "desk@news.example"
    assert message["X-CampaignID"] == f"s4:{campaign.pk}"


def test_a_mail_can_be_sent_as_one_body_alone():
    for body_format, kinds in [("html", ["text/html"]), ("text", ["text/plain"]), ("", ["text/plain", "text/html"])]:
        campaign, run = sending(people=1)
        run.contents.update(body_format=body_format, text="Hello" if body_format == "text" else "")
        parts = [part.get_content_type() for part in message_of(campaign, run).walk() if not part.is_multipart()]
        assert parts == kinds


def test_settings_are_settled_until_the_campaign_begins_and_the_speed_until_it_is_over():
    campaign = draft_campaign()
    settled(campaign, speed=10, sender_email="desk@news.example")
    with pytest.raises(NotReady):
        settled(campaign, sender_email="nobody")
    with pytest.raises(NotAllowed):
        dispatches.settle(campaign, by=staff(campaign.organization, "viewer"), speed=5)
    begun, _ = sending(people=1)
    assert settled(begun, speed=5).speed == 5
    with pytest.raises(Locked):
        settled(begun, tracks_opens=False)
    assert dispatches.of(reloaded(campaign)).speed == 10


def test_a_copy_goes_out_as_its_original():
    campaign = draft_campaign()
    by = staff(campaign.organization)
    lists = [dispatches.save_seed_list(SeedList(organization=campaign.organization), by=by, name="Us", addresses=[])]
    settled(campaign, speed=10, seed_lists=lists, tracks_clicks=False)

    facts = [("Speed", "10 messages an hour at most"), ("Copies to", "Us"), ("Not tracked", "clicks")]
    assert dispatches.facts(reloaded(campaign)) == facts
    twin = dispatches.of(drafts.copy(reloaded(campaign), by=by))

    assert (twin.speed, twin.tracks_clicks, dispatches.seed_lists(twin)) == (10, False, lists)


def test_no_more_is_taken_up_than_the_speed_allows():
    campaign = draft_campaign()
    Dispatch.objects.create(campaign=campaign, speed=1200)
    at = now()

    taken, moment = 0, at
    while moment < at + timedelta(hours=1):
        share = pace.take(campaign.pk, 250, moment)
        taken += share.count
        moment = share.until or moment
    assert 1190 <= taken <= 1210

    assert pace.take(campaign.pk, 250, moment).count == 10
    pace.give_back(campaign.pk, 4)
    assert pace.take(campaign.pk, 3, moment).count == 0, "six of ten are still to come"
    assert pace.take(draft_campaign().pk, 250, at).count == 250
    by = staff(campaign.organization)
    dispatches.settle(campaign, by=by, sender_email="we@news.example")
    assert pace.take(campaign.pk, 3, moment).count == 0, "another setting leaves the pace as it is"
    dispatches.settle(campaign, by=by, speed=2400)
    assert pace.take(campaign.pk, 3, moment).count == 3, "a new speed counts at once"


def test_a_worker_gives_its_batch_back_until_the_speed_allows_more(mail_relay):
    campaign, run = sending(people=3)
    Dispatch.objects.create(campaign=campaign, speed=120)

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)

    assert len(mailbox.mails) == 1
    batch = run.batches.get()
    assert (batch.state, batch.failures, batch.last_error) == ("waiting", 0, "")
    assert batch.not_before > now()
    assert states(run) == {"sent": 1, "pending": 2}


def test_seed_addresses_get_each_content_once(mail_relay):
    campaign, run = sending(people=1)
    by = staff(campaign.organization)
    us = dispatches.save_seed_list(
        SeedList(organization=campaign.organization), by=by, name="Us", addresses=["Me@example.com", "you@example.com"]
    )
    Dispatch.objects.create(campaign=campaign).seed_lists.add(us)
    assert seeds.unsent_ids(now()) == [campaign.pk]

    with mail_relay(Mailbox()) as mailbox:
        assert seeds.send(campaign.pk) == 2
        assert seeds.send(campaign.pk) == 0
    assert len(mailbox.mails) == 2

    assert sorted(copy.address for copy in SeedCopy.objects.filter(is_accepted=True)) == [
        "me@example.com",
        "you@example.com",
    ]
    assert reloaded(run).planned == 1
    assert seeds.unsent_ids(now()) == []


def test_a_seed_list_has_a_name_of_its_own_and_addresses_that_are_some():
    organization = draft_campaign().organization
    by = staff(organization)
    dispatches.save_seed_list(SeedList(organization=organization), by=by, name="Us", addresses=[])

    for wrong in ({"name": "us"}, {"name": " "}, {"name": "x", "addresses": ["nobody"]}):
        with pytest.raises(NotReady):
            dispatches.save_seed_list(SeedList(organization=organization), by=by, **wrong)
