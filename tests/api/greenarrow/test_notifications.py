"""What a receiver of GreenArrow's events is posted, from the hit to the row of the outbox."""

import json

import pytest
from django.utils.timezone import now

from audience.models import Subscription
from stats.ingest import ingest
from tests.conftest import acting
from tests.delivery.states import sending
from tests.webhooks.conftest import an_endpoint
from tracking import spool
from tracking.spool import Hit
from webhooks import endpoints
from webhooks.models import Delivery, Happening

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def hit(run, reader, kind, **about):
    spool.append(Hit(kind, run.pk, reader.pk, reader.subscriber_id, now(), **about))


def test_hits_are_told_in_greenarrows_words():
    campaign, run = sending(people=1)
    reader = run.recipients.get()
    objects = an_endpoint(campaign.organization, events=list(Happening.values), form="greenarrow")
    arrays = an_endpoint(campaign.organization, events=list(Happening.values), form="greenarrow_array")
    hit(run, reader, "opened", user_agent=FIREFOX, ip_address="192.0.2.7")
    hit(run, reader, "clicked", user_agent=FIREFOX, link_position=1, url="https://example.com/story")
    hit(run, reader, "bounced", data={"type": "hard", "code": "550", "diagnostic": "no such user", "origin": "remote"})
    hit(run, reader, "unsubscribed", data={"applied": True})
    hit(run, reader, "complained")
    ingest()

    rows = [json.loads(row.body) for row in Delivery.objects.filter(endpoint=objects).order_by("pk")]

    told = {row["event_type"]: row for row in rows}
    expected = ["studio_open", "studio_click", "bounce_all", "bounce_bad_address", "studio_unsub", "scomp"]
    assert sorted(told) == sorted(expected)
    subscription = Subscription.objects.get(subscriber=reader.subscriber_id)
    opened = told["studio_open"]
    assert opened["studio_subscriber_id"] == subscription.pk
    assert opened["studio_mailing_list_id"] == subscription.mailing_list_id
    assert (opened["listid"], opened["sendid"]) == (str(subscription.mailing_list_id), f"a{run.pk}")
    assert (opened["studio_campaign_id"], opened["studio_is_unique"]) == (campaign.pk, True)
    assert (opened["studio_ip"], opened["is_privacy_open"], type(opened["event_time"])) == ("192.0.2.7", False, int)
    assert told["studio_click"]["click_url"] == "https://example.com/story"
    bounce = told["bounce_all"]
    assert (bounce["bounce_type"], bounce["bounce_code"], bounce["synchronous"]) == ("h", 550, False)
    assert "synchronous" not in told["bounce_bad_address"]
    assert len({row["event_unique_id"] for row in rows}) == len(rows)
    assert all(len(json.loads(row.body)) == 1 for row in Delivery.objects.filter(endpoint=arrays))


def test_a_test_is_told_whatever_the_form(alice, organization):
    endpoint = an_endpoint(organization, form="greenarrow")

    assert json.loads(endpoints.send_test(endpoint, by=acting(alice)).body)["type"] == "webhook.test"
