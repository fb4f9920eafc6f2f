"""Large lists that are deleted: seen nowhere at once, and gone piece by piece."""

import pytest
from django.urls import reverse

from audience import confirmations, fields, list_removal, segments, selection, suppressions, tasks
from audience.errors import ImportRefused
from audience.models import (
    ConsentEvent,
    CustomField,
    MailingList,
    Subscriber,
    SubscriberTag,
    Subscription,
    Suppression,
    TaggedSubscription,
)
from campaigns import removals
from tests.audience.importing import import_file, upload
from tests.factories import MailingListFactory, SegmentFactory, staff
from tests.races import at_once, race


@pytest.fixture
def large(news, monkeypatch):
    """A list of seven people, two more than are deleted at once, in pieces of three."""
    monkeypatch.setattr(removals, "AT_ONCE", 5)
    monkeypatch.setattr(list_removal, "ROWS", 3)
    import_file(news, "email,tags\n" + "".join(f"p{number}@x.org,vip\n" for number in range(7)))
    suppressions.suppress(organization=news.organization, mailing_list=news, kind="email", value="p1@x.org")
    return news


@pytest.fixture
def leaving(large, monkeypatch):
    """The same, deleted; the background has not begun."""
    monkeypatch.setattr(list_removal, "_queue", lambda list_id: None)
    removals.delete_list(large, by=staff(large.organization), with_people=True)
    return large


def what_is_left():
    return MailingList.with_deleted.count(), Subscription.objects.count(), TaggedSubscription.objects.count()


def test_the_background_deletes_the_list_and_the_people_and_their_log_stay(large, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        removals.delete_list(large, by=staff(large.organization), with_people=True)

    assert what_is_left() == (0, 0, 0)
    assert not SubscriberTag.objects.exists()
    assert not Suppression.objects.exists()
    assert Subscriber.objects.count() == 7
    assert set(ConsentEvent.objects.values_list("mailing_list", "list_name")) == {(None, "News")}
    assert ConsentEvent.objects.count() == 7


@pytest.mark.parametrize("at_once", [5, 7])
def test_the_files_of_its_imports_go_with_it(large, monkeypatch, settings, at_once, django_capture_on_commit_callbacks):
    monkeypatch.setattr(removals, "AT_ONCE", at_once)
    assert list(settings.MEDIA_ROOT.rglob("*.csv"))

    with django_capture_on_commit_callbacks(execute=True):
        removals.delete_list(large, by=staff(large.organization), with_people=True)

    assert what_is_left() == (0, 0, 0)
    assert list(settings.MEDIA_ROOT.rglob("*.csv")) == []


def test_it_is_seen_nowhere_while_it_is_being_deleted(leaving, client):
    organization, person = leaving.organization, Subscriber.objects.first()
    everybody = SegmentFactory(organization=organization)
    subscribed = SegmentFactory(
        organization=organization, rules={"field": "status", "operator": "is", "value": "subscribed"}
    )
    on_it = [selection.Part(mailing_list_id=leaving.pk)]
    ways = selection.select(organization, [selection.Part(segment_id=everybody.pk)], channel="email")

    assert not MailingList.objects.exists()
    assert not Subscription.objects.of(organization).exists()
    assert not person.subscriptions.kept().exists()
    assert not CustomField.objects.filter(mailing_list=leaving).exists()
    assert not selection.select(organization, on_it, channel="email").exists()
    assert set(ways.values_list("subscription_id", "skip_reason")) == {(None, "unsubscribed")}
    assert not segments.people(subscribed).exists()
    assert client.get(reverse("subscribe", args=[leaving.public_id])).status_code == 404


def test_no_confirmation_mail_goes_out_for_it(large, monkeypatch, mailoutbox):
    import_file(large, "email\nlate@x.org\n", opt_in_status="unconfirmed")
    monkeypatch.setattr(list_removal, "_queue", lambda list_id: None)
    removals.delete_list(large, by=staff(large.organization), with_people=True)

    assert confirmations.sweep() == 0


def test_nobody_is_imported_into_it(leaving):
    with pytest.raises(ImportRefused, match="deleted"):
        upload(leaving, "email\nann@x.org\n")


def test_progress_is_told_and_what_was_cut_off_goes_on(leaving, organization):
    assert list_removal.go_on(leaving.pk, seconds=0)
    (removal,) = list_removal.under_way(organization)

    assert (removal.name, removal.total, removal.done, removal.left) == ("News", 7, 3, 4)
    assert what_is_left() == (1, 4, 4)

    assert not list_removal.go_on(leaving.pk)
    assert what_is_left() == (0, 0, 0)
    assert list_removal.under_way(organization) == []
    assert not list_removal.go_on(leaving.pk)


def test_a_lost_message_is_sent_again(leaving, monkeypatch):
    queued = []
    monkeypatch.setattr(list_removal, "_queue", queued.append)

    assert tasks.sweep_list_removals() == 1
    assert queued == [leaving.pk]


def test_a_list_of_the_same_name_can_be_made_meanwhile(leaving):
    again = MailingListFactory(organization=leaving.organization, name="News")
    fields.create(again.organization, key="size", mailing_list=again)
    import_file(again, "email,size\np1@x.org,S\n")

    list_removal.go_on(leaving.pk)

    assert [(row.mailing_list, row.fields) for row in Subscription.objects.all()] == [(again, {"size": "S"})]


@race
def test_two_workers_delete_it_once(leaving):
    at_once(lambda: list_removal.go_on(leaving.pk), lambda: list_removal.go_on(leaving.pk))
    list_removal.go_on(leaving.pk)

    assert what_is_left() == (0, 0, 0)
    assert Subscriber.objects.count() == 7
