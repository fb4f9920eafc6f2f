"""What happens becomes what is told: in its transaction, to who wants it, and to nobody else."""

import json
import re
from pathlib import Path

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import privacy
from audience.models import Subscriber
from campaigns import lifecycle
from delivery import batches, settlement
from delivery.retries import Accepted, Rejected
from splittests import course
from splittests.models import SplitTestRun
from stats.ingest import ingest
from tests.conftest import acting
from tests.delivery.states import sending
from tests.factories import EditionFactory, campaign_in, draft_campaign, staff
from tests.splittests.test_course import planned, sent_to, started
from tests.stats.populations import NINE, a_run, click, hit
from tests.webhooks.conftest import an_endpoint
from tracking import spool
from tracking.spool import HitKind
from webhooks import endpoints
from webhooks.models import Delivery, Happening

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def told(endpoint=None):
    """Types, in the order in which they were written."""
    rows = Delivery.objects.filter(endpoint=endpoint) if endpoint else Delivery.objects
    return list(rows.order_by("pk").values_list("event", flat=True))


def bodies(kind):
    return [json.loads(row.body) for row in Delivery.objects.filter(event=kind).order_by("pk")]


# --- campaigns ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("draft", []),
        ("pending_approval", []),
        ("scheduled", ["campaign.scheduled"]),
        ("sending", ["campaign.scheduled", "campaign.started"]),
        ("sent", ["campaign.scheduled", "campaign.started", "campaign.sent"]),
        ("failed", ["campaign.scheduled", "campaign.started", "campaign.failed"]),
        ("cancelled", ["campaign.cancelled"]),
    ],
)
def test_each_state_a_campaign_comes_into_is_told(organization, state, expected):
    an_endpoint(organization)

    campaign_in(state, organization)

    assert told() == expected


def test_another_time_is_told_and_other_changes_are_not(organization):
    endpoint = an_endpoint(organization)
    campaign = campaign_in("scheduled", organization)
    by = staff(organization, "manager")
    later = lifecycle.Schedule(type="future", at=now() + now().resolution * 10**12, tz="UTC")

    lifecycle.reschedule(campaign, by=by, schedule=later)
    lifecycle.pause(campaign, by=by)
    lifecycle.resume(campaign, by=by)

    assert told(endpoint) == ["campaign.scheduled", "campaign.scheduled"]
    assert bodies("campaign.scheduled")[1]["data"]["campaign"]["scheduled_at"].startswith(f"{later.at:%Y-%m-%dT%H:%M}")


def test_what_is_rolled_back_was_never_told(organization):
    an_endpoint(organization)
    campaign = campaign_in("scheduled", organization)

    with transaction.atomic():
        lifecycle.cancel(campaign, by=staff(organization))
        assert told() == ["campaign.scheduled", "campaign.cancelled"]
        transaction.set_rollback(True)

    assert told() == ["campaign.scheduled"]


def test_only_who_wants_it_is_told(organization, charlie):
    sunday = EditionFactory(organization=organization)
    everything = an_endpoint(organization)
    sent_only = an_endpoint(organization, events=["campaign.sent"])
    of_sunday = an_endpoint(organization, edition=sunday)
    off = an_endpoint(organization, is_active=False)
    strange = an_endpoint(charlie.memberships.get().organization)

    campaign_in("sent", organization)
    campaign_in("cancelled", organization, edition=sunday)

    assert told(everything) == [*Happening.values[:3], "campaign.cancelled"]
    assert told(sent_only) == ["campaign.sent"]
    assert told(of_sunday) == ["campaign.cancelled"]
    assert told(off) == told(strange) == []


def test_a_split_test_tells_that_somebody_has_to_choose_and_what_was_chosen(organization):
    campaign = planned(organization=organization, when_unclear="ask")
    run = started(campaign)
    sent_to(run)
    course.hold(run)
    an_endpoint(organization)
    row = SplitTestRun.objects.get()
    course.decide_now(row)
    course.choose(row, campaign.variants.get(name="B"), by=staff(organization), reason="Kinder.")

    assert told() == ["campaign.choice_needed", "campaign.variant_chosen"]
    chosen = bodies("campaign.variant_chosen")[0]["data"]
    assert (chosen["variant"], chosen["reason"], chosen["campaign"]["id"]) == ("B", "Kinder.", campaign.public_id)
    assert "variant" not in bodies("campaign.choice_needed")[0]["data"]


# --- hits --------------------------------------------------------------------------------------------------------


def everything_of(reader):
    """One hit of each kind that is told, and some that are not."""
    bounce = {"type": "hard", "origin": "remote", "code": "100", "status": "5.1.1", "diagnostic": "550 No such user"}
    person = {"ip_address": "198.51.100.7", "user_agent": FIREFOX}
    for kind, about in [
        (HitKind.OPENED, person),
        (HitKind.UNSUBSCRIBED, person),
        (HitKind.DELIVERED, {}),
        (HitKind.BOUNCED, {"data": bounce}),
        (HitKind.COMPLAINED, {}),
        (HitKind.VIEWED, person),
        (HitKind.FORWARDED, {}),
    ]:
        spool.append(hit(reader, kind, **about))
    spool.append(hit(reader, HitKind.CLICKED, link_position=1, url="https://example.com/story", **person))
    ingest()


def test_every_kind_of_hit_that_can_be_asked_for_is_told(organization):
    endpoint = an_endpoint(organization)
    run = a_run(people=1, campaign=draft_campaign(organization, people=0))

    everything_of(run.recipients.get())

    assert sorted(told(endpoint)) == sorted(Happening.values[7:])
    (clicked,) = bodies("message.clicked")
    reader = run.recipients.get()
    assert clicked["data"]["subscriber"] == {"id": reader.subscriber.public_id, "address": reader.address}
    assert clicked["created"] == "2026-11-21T09:00:00Z"
    assert Delivery.objects.filter(subscriber=reader.subscriber_id).count() == 6


def test_programs_are_told_of_with_the_reason(organization):
    an_endpoint(organization)
    run = a_run(people=1, campaign=draft_campaign(organization, people=0))
    spool.append(hit(run.recipients.get(), user_agent="Mozilla/5.0"))
    ingest()

    (opened,) = bodies("message.opened")
    assert (opened["data"]["agent"], opened["data"]["agent_reason"]) == ("proxy", "apple_mpp")


def test_the_first_of_its_kind_says_so(organization):
    an_endpoint(organization)
    run = a_run(people=1, campaign=draft_campaign(organization, people=0))
    for minutes in (0, 5):
        spool.append(hit(run.recipients.get(), minutes=minutes))
        ingest()

    assert [each["data"]["is_first"] for each in bodies("message.opened")] == [True, False]


def test_a_hit_that_is_stored_twice_is_told_once(organization):
    an_endpoint(organization)
    run = a_run(people=1, campaign=draft_campaign(organization, people=0))
    spool.append(hit(run.recipients.get(), HitKind.BOUNCED, data={"key": "one"}))
    spool.append(hit(run.recipients.get(), HitKind.BOUNCED, data={"key": "one"}))
    ingest()
    ingest()

    assert told() == ["message.bounced"]


def test_any_text_a_stranger_sends_can_be_told(organization):
    an_endpoint(organization)
    run = a_run(people=1, campaign=draft_campaign(organization, people=0))
    nasty = "\x00</script>\r\nX: y \U0001f600"
    spool.append(hit(run.recipients.get(), user_agent=nasty))
    ingest()

    assert bodies("message.opened")[0]["data"]["user_agent"] == nasty


def test_nothing_is_told_about_who_has_been_erased(organization, alice):
    an_endpoint(organization)
    run = a_run(people=1, campaign=draft_campaign(organization, people=0))
    reader = run.recipients.get()
    spool.append(hit(reader))
    ingest()
    assert privacy.summary(reader.subscriber)["webhooks"] == 1
    assert privacy.export(reader.subscriber, by=acting(alice))["webhooks"][0]["told"]["type"] == "message.opened"

    privacy.erase(reader.subscriber, by=acting(alice))
    spool.append(hit(reader, minutes=1))
    ingest()

    assert not Delivery.objects.exists()
    assert not Subscriber.objects.filter(pk=reader.subscriber_id).exists()


def test_a_chunk_costs_the_same_queries_however_many_hits_it_has(organization):
    an_endpoint(organization)
    an_endpoint(organization)
    run = a_run(people=20, campaign=draft_campaign(organization, people=0))

    def queries(readers):
        for reader in readers:
            spool.append(click(reader))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            ingest()
        return len([each for each in captured if "webhooks_" in each["sql"] or "audience_subscriber" in each["sql"]])

    readers = list(run.recipients.order_by("pk"))
    few, many = queries(readers[:1]), queries(readers[1:])

    assert many <= few + (0 if connection.vendor == "postgresql" else 40)  # SQLite's executemany is told row by row
    assert Delivery.objects.count() == 40


def test_where_nobody_wants_to_know_it_costs_one_query_and_writes_nothing(organization, charlie):
    an_endpoint(charlie.memberships.get().organization, events=["campaign.sent"])
    run = a_run(people=3, campaign=draft_campaign(organization, people=0))
    for reader in run.recipients.all():
        spool.append(hit(reader))

    with CaptureQueriesContext(connection) as captured:
        ingest()

    assert len([each for each in captured if "webhooks_" in each["sql"]]) == 1
    assert not Delivery.objects.exists()


def test_a_message_that_was_taken_is_told_as_delivered(organization):
    an_endpoint(organization, events=["message.delivered"])
    campaign, run = sending(people=2, organization=organization)
    first, second = run.recipients.order_by("pk")
    claim = batches.claim(run.batches.get().pk, worker="w")

    settlement.settle(claim, {first.pk: Accepted(250, "ok"), second.pk: Rejected(550, "no")}, at=now())
    settlement.settle(claim, {first.pk: Accepted(250, "ok")}, at=now())

    (delivered,) = bodies("message.delivered")
    assert delivered["data"]["evidence"] == "acceptance"
    assert delivered["data"]["subscriber"] == {"id": first.subscriber.public_id, "address": first.address}
    assert delivered["data"]["campaign"]["id"] == campaign.public_id


# --- the page ----------------------------------------------------------------------------------------------------


def examples():
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return {example["type"]: example for example in map(json.loads, blocks)}


def alike(example, sent):
    """The same keys in the same order, and the same kinds of values."""
    if isinstance(example, dict):
        assert list(example) == list(sent)
        for key, value in example.items():
            alike(value, sent[key])
    elif key_like := re.match(r"([a-z]{3})_[a-z0-9]{20}$", str(example)):
        assert re.match(rf"{key_like[1]}_[a-z0-9]{{20}}$", sent)
    elif not re.match(r"\d{4}-\d\d-\d\dT", str(example)):
        assert example == sent


def test_the_examples_of_the_page_are_what_is_sent(organization):
    endpoint = an_endpoint(organization)
    campaign = draft_campaign(organization, people=0, name="Spring sale")
    run = a_run(people=1, campaign=campaign)
    run.recipients.update(address="ann@example.com")
    everything_of(run.recipients.get())
    with time_machine.travel(NINE):
        campaign_in("sent", organization, name="Spring sale")
    run_of_sent = organization.campaigns.latest("pk").runs.get()
    assert (run_of_sent.sent, run_of_sent.number) == (0, 1)
    endpoints.send_test(endpoint, by=SYSTEM)

    for kind, example in examples().items():
        (sent,) = bodies(kind)
        if kind == "campaign.sent":
            sent["data"]["campaign"]["sent_count"] = 3  # nobody has delivered it
        alike(example, sent)
    assert len(examples()) == 5


def test_the_page_names_every_type():
    page = PAGE.read_text()

    assert [name for name in (*Happening.values, "webhook.test") if f"| `{name}` |" not in page] == []


def test_of_a_flood_on_one_message_so_many_an_hour_are_told(settings):
    settings.WEBHOOK_HITS_PER_HOUR = 3
    run = a_run(people=2)
    an_endpoint(run.campaign.organization)
    one, other = run.recipients.all()

    for chunk in range(2):
        for second in range(5):
            spool.append(hit(one, minutes=chunk + second / 60))
            spool.append(click(one, second + 1, minutes=20 * (chunk + 1) + second))
        spool.append(hit(other, minutes=chunk))
        ingest()
    spool.append(hit(one, minutes=61))
    ingest()

    bodies = [json.loads(body) for body in Delivery.objects.values_list("body", flat=True)]
    told_of = [(body["type"], body["data"]["subscriber"]["id"], body["created"][11:13]) for body in bodies]
    assert told_of.count(("message.opened", one.subscriber.public_id, "09")) == 3
    assert told_of.count(("message.clicked", one.subscriber.public_id, "09")) == 3
    assert told_of.count(("message.opened", one.subscriber.public_id, "10")) == 1
    assert told_of.count(("message.opened", other.subscriber.public_id, "09")) == 2
    assert one.engagement.opens == 11  # all are counted


def test_without_a_limit_all_hits_are_told(settings):
    settings.WEBHOOK_HITS_PER_HOUR = 0
    run = a_run(people=1)
    an_endpoint(run.campaign.organization)
    for second in range(30):
        spool.append(hit(run.recipients.get(), minutes=second / 60))

    ingest()

    assert told() == ["message.opened"] * 30
