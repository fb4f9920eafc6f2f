"""One person's data, through all rooms: handed out whole, and erased without a figure changing."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor, Surface
from audience import consent, erased, lifting, privacy, subscriptions, suppressions
from audience.consent import Evidence
from audience.errors import MailOnItsWay, NotAllowed, StaysOut
from audience.models import ConsentEvent, Erasure, Subscriber, Subscription, Suppression
from campaigns import lifecycle
from campaigns.models import CampaignEvent
from delivery import doubts, runs
from delivery.errors import CannotSend
from delivery.freeze import freeze
from delivery.models import Batch, InboxMessage, Recipient
from stats import exports, outcomes, people
from stats.ingest import ingest
from stats.models import Counter, Engagement, Event, StrayHit
from stats.reports import report
from tests.conftest import acting
from tests.factories import MailingListFactory, SubscriptionFactory, campaign_in, draft_campaign
from tests.stats.populations import a_run, click, hit
from tests.stats.test_reports import with_content
from tracking import spool

pytestmark = pytest.mark.django_db

SECRETS = ("reader0@", "192.0.2.7", "Firefox/130", "Ulm", "+4920123456", "Yes, mail me.", "mail=reader0")


@pytest.fixture
def run(organization):
    """A run to three people, the first of whom opened, clicked and left traces everywhere."""
    run = a_run(organization=organization)
    person = Subscriber.objects.earliest("pk")
    Subscriber.objects.filter(pk=person.pk).update(phone="+4920123456", fields={"town": "Ulm"})
    news = MailingListFactory(organization=organization, name="News")
    row = SubscriptionFactory(mailing_list=news, subscriber=person, ip_address="192.0.2.7")
    evidence = Evidence(source="fair", ip_address="192.0.2.7", wording="Yes, mail me.")
    consent.record([row], consent.Kind.SUBSCRIBED, evidence)
    tag = news.subscriber_tags.create(name="gold")
    row.tagged.create(tag=tag)
    Recipient.objects.filter(subscriber=person).update(reply_text=f"250 queued for {person.email}", subscription=row)
    copy = {"recipient": person.email, "subject": "Morning", "raw": b"To: reader0@"}
    InboxMessage.objects.create(organization=organization, **copy)
    InboxMessage.objects.create(organization=None, recipient="somebody@example.org", raw=b"another's")
    who = {"ip_address": "192.0.2.7", "user_agent": "Firefox/130"}
    for recipient in run.recipients.all():
        spool.append(hit(recipient, **who))
        spool.append(click(recipient, url="https://example.com/?mail=reader0", minutes=1))
    ingest()
    return run


@pytest.fixture
def person(run):
    return Subscriber.objects.earliest("pk")


def everything_kept():
    """All rows of the rooms that hold people, as one text."""
    models = (Subscriber, Subscription, ConsentEvent, Suppression, Erasure, Recipient, InboxMessage, Event, StrayHit)
    models = (*models, Engagement, CampaignEvent)
    return "\n".join(str(row) for model in models for row in model.objects.values())


def test_everything_that_is_held_is_handed_out(person, alice):
    data = json.loads(json.dumps(privacy.export(person, by=acting(alice))))

    assert data["person"]["fields"] == {"town": "Ulm"}
    assert data["subscriptions"][0]["tags"] == ["gold"]
    assert data["consent"][0]["wording"] == "Yes, mail me."
    assert [each["campaign"] for each in data["messages"]] == ["Morning"]
    assert [each["subject"] for each in data["inbox"]] == ["Morning"]
    assert [(each["what"], each["ip_address"]) for each in data["hits"]] == [
        ("opened", "192.0.2.7"),
        ("clicked", None),
    ]
    assert {name: len(data[name]) for name in privacy.summary(person)} == privacy.summary(person)


def test_handing_out_asks_no_question_for_each_row(person, alice):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            privacy.export(person, by=acting(alice))
        return len(queries)

    assert person.organization  # read once
    before = asked()
    for _ in range(5):
        row = SubscriptionFactory(mailing_list__organization=person.organization, subscriber=person)
        consent.record([row], consent.Kind.SUBSCRIBED, Evidence(source="fair"))

    assert asked() == before


def test_nothing_of_an_erased_person_is_left(run, person, alice):
    where = {"organization": person.organization, "kind": "email", "value": person.email, "source": person.email}
    suppressions.suppress(**where)
    lifting.lift(Suppression.objects.all(), by=acting(alice), why=f"{person.email} asked for it")
    suppressions.suppress(**where)

    erasure = privacy.erase(person, by=acting(alice))

    left = everything_kept()
    shared = ("192.0.2.7", "Firefox/130", "mail=reader0")  # the other readers' hits say these, too
    assert [secret for secret in SECRETS if secret in left and secret not in shared] == []
    assert Event.objects.filter(ip_address="192.0.2.7").count() == 2
    assert InboxMessage.objects.count() == 1
    assert (erasure.by, erasure.surface) == (alice, "admin")
    assert erasure.erased == {
        "subscriptions": 1,
        "consent": 1,
        "hits": 2,
        "inbox": 1,
        "messages": 1,
        "answers": 0,
        "lifted_suppressions": 1,
        "suppressions": 1,
        "webhooks": 0,
    }


def test_the_figures_stay_as_they_were(run, person, alice):
    outcomes.refresh_stale()  # where everybody is from is told by addresses, and counted before they go
    before, counters = report(run.campaign), list(Counter.objects.values())

    privacy.erase(person, by=acting(alice))

    assert report(run.campaign) == before
    assert list(Counter.objects.values()) == counters
    assert Engagement.objects.count() == 3
    assert run.recipients.count() == run.planned == 3
    assert run.recipients.get(subscriber=None).state == "sent"


def test_a_link_that_was_theirs_alone_goes_from_the_counters():
    campaign = draft_campaign(people=0)
    html = "<a href='https://example.com/?mail={{ email }}'>x</a> <a href='https://example.com/'>y</a>"
    campaign.variants.get().email.__class__.objects.update(html=html)
    run = with_content(a_run(campaign=campaign))
    first, second, _ = run.recipients.all()
    spool.append(click(first, 1, url="https://example.com/?mail=reader0"))
    spool.append(click(second, 1, url="https://example.com/?mail=reader1", minutes=90))
    spool.append(click(first, 2, url="https://example.com/", minutes=5))
    ingest()
    before = report(campaign).links

    privacy.erase(first.subscriber, by=Actor(user=None, surface=Surface.SYSTEM))

    urls = Counter.objects.filter(kind="clicked").order_by("link_position", "hour").values_list("url", flat=True)
    assert list(urls) == ["", "https://example.com/?mail=reader1", "https://example.com/"]
    assert report(campaign).links == before

    spool.append(click(first, 1, url="https://example.com/?mail=reader0", minutes=200))
    ingest()

    assert not Counter.objects.filter(url__contains="reader0").exists()


def test_a_link_that_was_theirs_goes_from_the_counters_also_when_the_hits_have_gone_before():
    campaign = draft_campaign(people=0)
    html = "<a href='https://example.com/?mail={{ email }}'>x</a> <a href='https://example.com/'>y</a>"
    campaign.variants.get().email.__class__.objects.update(html=html)
    run = with_content(a_run(campaign=campaign))
    first, second, _ = run.recipients.all()
    spool.append(click(first, 1, url="https://example.com/?mail=reader0"))
    spool.append(click(first, 2, url="https://example.com/"))
    spool.append(click(second, 2, url="https://example.com/", minutes=90))
    ingest()
    Event.objects.all().delete()

    privacy.erase(first.subscriber, by=Actor(user=None, surface=Surface.SYSTEM))

    urls = Counter.objects.filter(kind="clicked").order_by("link_position", "hour").values_list("url", flat=True)
    assert list(urls) == ["", "https://example.com/", "https://example.com/"]


def test_a_hit_that_comes_late_counts_and_tells_nothing(run, person, alice):
    recipient = run.recipients.get(subscriber=person)
    spool.append(click(recipient, url="https://example.com/?mail=reader0", minutes=9))
    spool.append(hit(recipient, minutes=9, ip_address="192.0.2.7", user_agent="Firefox/130"))

    privacy.erase(person, by=acting(alice))
    ingest()

    assert Event.objects.filter(recipient=recipient).count() == 4
    assert not Event.objects.filter(recipient=recipient, ip_address__isnull=False).exists()
    assert not Event.objects.filter(recipient=recipient).exclude(url="", user_agent="").exists()
    assert not StrayHit.objects.exists()


def test_a_stray_line_about_them_goes(run, person, alice):
    recipient = run.recipients.get(subscriber=person)
    for each in (recipient, run.recipients.exclude(pk=recipient.pk).first()):
        line = spool.encode(hit(each, ip_address="192.0.2.7")).decode()
        StrayHit.objects.create(reason="unknown", file_name="x.hits", offset=each.pk, line=line)

    privacy.erase(person, by=acting(alice))

    assert [spool.decode(stray.line.encode()).recipient_id != recipient.pk for stray in StrayHit.objects.all()] == [
        True
    ]


@pytest.mark.parametrize("who", ["victor", "erin", "charlie"])
def test_not_everybody_may(person, request, who):
    by = acting(request.getfixturevalue(who))

    with pytest.raises(NotAllowed):
        privacy.export(person, by=by)
    with pytest.raises(NotAllowed):
        privacy.erase(person, by=by)

    assert Subscriber.objects.filter(pk=person.pk).exists()


# --- coming back -------------------------------------------------------------------------------------------------


def test_an_erased_person_is_kept_out(person, alice):
    email, news = person.email, person.subscriptions.get().mailing_list
    privacy.erase(person, by=acting(alice))

    with pytest.raises(StaysOut):
        subscriptions.subscribe(news, email=email, source="api", wording="Yes")

    assert erased.kept_out(news.organization, [email, "other@example.com"]) == {email}
    assert not Subscriber.objects.filter(email=email).exists()


def test_who_may_return_may(person, alice):
    email, news = person.email, person.subscriptions.get().mailing_list

    erasure = privacy.erase(person, by=acting(alice), keep_out=False)

    assert (erasure.email_hash, erasure.phone_hash) == ("", "")
    assert subscriptions.subscribe(news, email=email, source="api").status == "subscribed"


@pytest.mark.parametrize("objection", ["unsubscribed", "complained", "suppressed"])
def test_a_wish_is_not_forgotten_with_the_person(person, alice, objection):
    if objection == "suppressed":
        suppressions.suppress(organization=person.organization, kind="email", value=person.email)
    else:
        subscriptions.subscribe(
            person.subscriptions.get().mailing_list, email=person.email, source="api", status=objection
        )

    assert privacy.erase(person, by=acting(alice), keep_out=False).keep_out


def test_other_organizations_do_not_learn_of_it(person, alice, charlie):
    privacy.erase(person, by=acting(alice))

    other = charlie.memberships.get().organization
    assert erased.kept_out(other, ["reader0@morning-post.example"]) == set()


# --- while mail is on its way ------------------------------------------------------------------------------------


@pytest.fixture
def waiting(organization):
    """A campaign that is being sent, all of it still waiting."""
    campaign = campaign_in("calculating", organization)
    freeze(campaign)
    return campaign


def test_a_message_that_waits_is_skipped_and_counted(waiting, alice):
    person = Recipient.objects.first().subscriber

    privacy.erase(person, by=acting(alice))

    run = waiting.runs.get()
    assert (run.planned, run.skipped) == (3, 1)
    assert dict(run.recipients.values_list("state", "skip_reason").distinct()) == {"pending": "", "skipped": "erased"}


def test_nobody_is_erased_while_a_worker_has_their_message(waiting, alice):
    Batch.objects.update(state="claimed", worker="w", lease_until="2030-01-01T00:00Z")
    person = Recipient.objects.first().subscriber

    with pytest.raises(MailOnItsWay):
        privacy.erase(person, by=acting(alice))

    assert Subscriber.objects.filter(pk=person.pk).exists()
    assert not Erasure.objects.exists()
    assert Recipient.objects.filter(subscriber=person, state="pending").exclude(address="").exists()


def test_nobody_is_erased_while_an_audience_is_worked_out(organization, alice):
    campaign_in("calculating", organization)

    with pytest.raises(MailOnItsWay):
        privacy.erase(Subscriber.objects.first(), by=acting(alice))


def test_who_failed_and_is_erased_is_not_tried_again(waiting, alice):
    recipient = Recipient.objects.first()
    Recipient.objects.update(state="failed", settled_at="2026-01-01T00:00Z")
    waiting.runs.update(failed=3)
    Batch.objects.update(state="done")
    privacy.erase(recipient.subscriber, by=acting(alice))
    lifecycle.finish(waiting)
    lifecycle.retry_failed(waiting, by=acting(alice))

    assert runs.requeue_failed(waiting.pk) == 2

    recipient.refresh_from_db()
    assert recipient.state == "failed"


def test_who_is_in_doubt_and_erased_can_only_be_taken_as_sent(waiting, alice):
    recipient, other = Recipient.objects.all()[:2]
    Recipient.objects.filter(pk__in=[recipient.pk, other.pk]).update(state="in_doubt")
    waiting.runs.update(in_doubt=2)
    doubts.resolve_in_doubt(other, "close", by=acting(alice))
    privacy.erase(recipient.subscriber, by=acting(alice))
    privacy.erase(other.subscriber, by=acting(alice))
    recipient.refresh_from_db()

    with pytest.raises(CannotSend):
        doubts.resolve_in_doubt(recipient, "resend", by=acting(alice))
    doubts.resolve_in_doubt(recipient, "close", by=acting(alice))

    assert other.address not in everything_kept()


# --- from the command line ---------------------------------------------------------------------------------------


def test_the_command_exports_into_a_file_for_its_owner(person, alice, tmp_path):
    path = tmp_path / "person.json"

    call_command("person", "export", person.email, username="alice", output=path, stdout=StringIO())

    assert json.loads(path.read_text())["person"]["email"] == person.email
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="there already"):
        call_command("person", "export", person.email, username="alice", output=path, stdout=StringIO())


def test_the_command_asks_for_the_address_and_erases(person, alice, monkeypatch):
    said = StringIO()
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("person", "erase", person.email, username="alice", stdout=said)
    monkeypatch.setattr("builtins.input", lambda prompt: person.email)

    call_command("person", "erase", person.email, username="alice", stdout=said)

    assert "hits 2" in said.getvalue()
    assert Erasure.objects.get().surface == "command"


@pytest.mark.parametrize(
    ("address", "who", "why"),
    [
        ("nobody@example.com", "alice", "Nobody you may see"),
        ("reader0@morning-post.example", "charlie", "Nobody you may see"),
        ("reader0@morning-post.example", "victor", "You may not"),
        ("reader0@morning-post.example", "ghost", "no active user"),
        ("not an @ address", "alice", "address"),
    ],
)
def test_the_command_says_why_not(person, alice, charlie, victor, address, who, why):
    with pytest.raises(CommandError, match=why):
        call_command("person", "erase", address, username=who, yes=True, stdout=StringIO())

    assert Subscriber.objects.filter(pk=person.pk).exists()


def test_an_address_known_twice_has_to_be_told_apart(person, alice):
    Subscriber.objects.create(organization=person.organization, email="twin@example.com", phone="+4920123456")

    with pytest.raises(CommandError, match="Several people"):
        call_command("person", "export", "+4920123456", username="alice", stdout=StringIO())


def test_the_system_may_do_it_too(person):
    erasure = privacy.erase(person, by=Actor(user=None, surface=Surface.SYSTEM))

    assert erasure.by is None


def test_the_surfaces_show_a_recipient_without_a_person(run, person, alice, client):
    privacy.erase(person, by=acting(alice))
    client.force_login(alice)

    page = client.get(f"/admin/campaigns/campaign/{run.campaign_id}/recipients/")
    rows = client.get(f"/api/management/campaigns/{run.campaign.public_id}/recipients/").json()["results"]
    lines = "".join(exports.activity(people.recipients(run.campaign)))

    assert "Erased" in page.content.decode()
    assert [row["subscriber_id"] for row in rows].count(None) == 1
    assert "erased" in lines
