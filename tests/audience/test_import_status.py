"""A column that says who left: nobody comes back by an import, and who left is not written to."""

from datetime import UTC, datetime

import pytest
from django.core.files.base import ContentFile

from accounts.actors import SYSTEM
from audience import exports, imports, subscriptions
from audience.models import ConsentEvent, Subscriber, Subscription, TaggedSubscription
from tests.audience.importing import counts, import_file, refusals, upload
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory

STATUSES = ["subscribed", "unconfirmed", "unsubscribed", "bounced", "complained"]


def statuses(mailing_list):
    rows = Subscription.objects.filter(mailing_list=mailing_list).order_by("subscriber__email")
    return {row.subscriber.email.partition("@")[0]: row.status for row in rows.select_related("subscriber")}


def test_our_own_export_brings_nobody_back(news):
    for status in STATUSES:
        person = subscriptions.subscribe(news, email=f"{status}@x.org", source="page").subscriber
        if status == "unsubscribed":
            subscriptions.unsubscribe(person, source="page", at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
        Subscription.objects.filter(subscriber=person).exclude(status="unsubscribed").update(status=status)
    content = "".join(exports.people_on(news)).encode()
    other = MailingListFactory(organization=news.organization)
    Subscriber.objects.all().delete()

    draft = imports.create(other, ContentFile(content, name="export.csv"), by=SYSTEM)
    imports.start(draft, by=SYSTEM)
    imports.run(draft.pk)

    gone = Subscription.objects.get(status="unsubscribed")
    assert statuses(other) == {status: status for status in STATUSES}
    assert (gone.unsubscribed_at, gone.unsubscribe_source) == (datetime(2026, 3, 1, 9, 30, tzinfo=UTC), "import")
    logged = dict(ConsentEvent.objects.filter(mailing_list=other).values_list("subscriber__email", "kind"))
    assert logged == {f"{status}@x.org": status if status != "unconfirmed" else "requested" for status in STATUSES}
    assert not Subscription.objects.exclude(confirmation_due_at=None).exists()


@pytest.mark.parametrize("said", STATUSES)
@pytest.mark.parametrize("standing", STATUSES)
def test_of_what_the_file_says_and_what_is_known_the_stronger_stands(news, said, standing):
    rank = ["", "bounced", "unsubscribed", "complained"]
    moment = {"unsubscribed_at": datetime(2026, 1, 1, tzinfo=UTC)} if standing == "unsubscribed" else {}
    ann = SubscriberFactory(organization=news.organization, email="ann@x.org")
    SubscriptionFactory(mailing_list=news, subscriber=ann, status=standing, **moment)

    done = import_file(news, f"email,status\nann@x.org,{said}\n")

    stronger = said in rank and (standing not in rank or rank.index(said) > rank.index(standing))
    assert statuses(news) == {"ann": said if stronger else standing}
    assert counts(done) == ((0, 1, 0, 0) if stronger else (0, 0, 1, 0))
    assert done.kept_out == (standing in rank)
    assert list(ann.consent_events.values_list("kind", "source")) == ([(said, "import")] if stronger else [])


@pytest.mark.parametrize("on_conflict", ["skip", "fill"])
def test_people_who_are_left_as_they_are_keep_their_status(news, on_conflict):
    ann = SubscriberFactory(organization=news.organization, email="ann@x.org")
    SubscriptionFactory(mailing_list=news, subscriber=ann)

    import_file(news, "email,status\nann@x.org,unsubscribed\nbob@x.org,unsubscribed\n", on_conflict=on_conflict)

    assert statuses(news) == {"ann": "subscribed", "bob": "unsubscribed"}


def test_rows_that_repeat_an_address_are_taken_in_order_and_nobody_comes_back(news, small_chunks):
    rows = ["ann@x.org,", "ann@x.org,unsubscribed", "ann@x.org,active", "bob@x.org,cleaned", "bob@x.org,", "ann@x.org,"]

    done = import_file(news, "email,status\n" + "\n".join(rows) + "\n")

    assert statuses(news) == {"ann": "unsubscribed", "bob": "bounced"}
    assert counts(done) == (2, 1, 3, 0)


def test_who_has_not_confirmed_gets_a_mail_only_where_the_import_says_so(news):
    import_file(news, "email,status\nann@x.org,pending\n")
    import_file(news, "email,status\nbob@x.org,pending\ncid@x.org,unsubscribed\n", opt_in_status="unconfirmed")

    assert statuses(news) == {"ann": "unconfirmed", "bob": "unconfirmed", "cid": "unsubscribed"}
    assert Subscription.objects.exclude(confirmation_due_at=None).get().subscriber.email == "bob@x.org"


def test_a_word_that_is_no_status_refuses_its_row(news):
    done = import_file(news, "email,What\nann@x.org,gold\n", mapping={"0": "email", "1": "subscription.status"})

    ((row, reason),) = refusals(done)
    assert (row, counts(done)) == (2, (0, 0, 0, 1))
    assert "gold is no status" in reason.replace("“", "").replace("”", "")


def test_a_column_called_status_that_holds_other_words_is_not_taken_for_it(news):
    assert upload(news, "email,status\nann@x.org,gold\n").mapping == {"0": "email"}
    assert upload(news, "email,status\nann@x.org,Unsubscribed\n").mapping == {"0": "email", "1": "subscription.status"}


def test_the_trial_tells_of_single_people(news):
    ann = SubscriberFactory(organization=news.organization, email="ann@x.org", fields={"town": "Ulm", "age": 20})
    SubscriptionFactory(mailing_list=news, subscriber=ann)
    rows = ["ann@x.org,Bonn,20,unsubscribed,vip", "bob@x.org,Ulm,,,", "bad,,,,"]
    draft = upload(news, "email,town,age,status,tags\n" + "\n".join(rows) + "\n")

    trial = imports.dry_run(draft)

    ((changed,), (added,), (refused,)) = trial.changed, trial.added, trial.refusals
    told = [(each.what, each.before, each.after) for each in changed.changes]
    assert (changed.number, changed.address) == (2, "ann@x.org")
    assert sorted(told) == [("Town", "Ulm", "Bonn"), ("status", "subscribed", "unsubscribed"), ("tags", "", "vip")]
    assert (added.number, added.address) == (3, "bob@x.org")
    assert [(each.what, each.after) for each in added.changes] == [("Town", "Ulm"), ("status", "subscribed")]
    assert refused.number == 4
    assert not TaggedSubscription.objects.exists()


def test_the_trial_tells_of_the_first_of_many_only(news):
    draft = upload(news, "email\n" + "".join(f"p{number}@x.org\n" for number in range(50)) + "bad\n" * 30)

    trial = imports.dry_run(draft)

    assert (len(trial.added), len(trial.refusals), trial.counts.added) == (20, 20, 50)
