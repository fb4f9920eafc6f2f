"""What an import may say about consent, and whom it may not bring back."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.files.base import ContentFile
from django.utils.timezone import now

from audience import erased, imports, suppressions
from audience.models import ConsentEvent, Erasure, Subscriber, Subscription
from audience.subscriptions import subscribe
from tests.audience.importing import counts, import_file, refusals, upload
from tests.conftest import acting


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained", "unconfirmed"])
def test_an_import_changes_nobodys_subscription_status(news, status, on_conflict):
    row = subscribe(news, email="ann@example.com", source="page", status=status)

    done = import_file(news, "email,town\nann@example.com,Ulm\n", on_conflict=on_conflict)

    row.refresh_from_db()
    assert (row.status, row.source) == (status, "page")
    assert done.added == 0
    assert done.kept_out == (status != "unconfirmed")


def test_an_import_lifts_no_suppression(news, organization):
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="complained")

    import_file(news, "email\nann@example.com\n")

    assert suppressions.check(organization, "ann@example.com") is not None


def test_the_evidence_of_consent_is_kept_with_the_subscription_and_in_the_log(news, bob):
    agreed = now() - timedelta(days=40)
    draft = imports.create(
        news,
        ContentFile(
            b"email,opt-in date,ip,where\nann@example.com,2026-03-31 14:05,2001:DB8::1,shop\nbob@example.com,,,\n"
        ),
        file_name="people.csv",
        by=acting(bob),
        consent_at=agreed,
        consent_ip_address="192.0.2.7",
        consent_source="fair-2026",
        consent_wording="Send me news.",
    )
    imports.start(draft, by=acting(bob), mapping=draft.mapping | {"3": "subscription.source"})
    imports.run(draft.pk)

    ann, other = Subscription.objects.order_by("subscriber__email")
    moment = datetime(2026, 3, 31, 14, 5, tzinfo=ZoneInfo(news.organization.timezone))
    assert (ann.subscribed_at, ann.ip_address, ann.source) == (moment, "2001:db8::1", "shop")
    assert (other.subscribed_at, other.ip_address, other.source) == (agreed, "192.0.2.7", "fair-2026")
    for row in (ann, other):
        event = ConsentEvent.objects.get(subscriber=row.subscriber_id)
        assert (event.at, event.ip_address, event.source) == (row.subscribed_at, row.ip_address, row.source)
        assert (event.kind, event.mailing_list, event.list_name) == ("subscribed", news, "News")
        assert (event.wording, event.by) == ("Send me news.", bob)


def test_people_who_are_on_the_list_already_get_no_second_line_in_the_log(news):
    import_file(news, "email\nann@example.com\n")

    import_file(news, "email,town\nann@example.com,Ulm\nbob@example.com,Ulm\nbob@example.com,Bonn\n")

    assert ConsentEvent.objects.count() == 2


def test_unconfirmed_people_wait_for_the_confirmation_mail_unless_they_are_suppressed(news, organization):
    subscribe(news, email="old@example.com", source="page", status="subscribed")
    suppressions.suppress(organization=organization, kind="domain", value="example.org")
    content = "email,phone\nann@example.com,\nbob@mail.example.org,\n,+4520000001\nold@example.com,\n"

    import_file(news, content, opt_in_status="unconfirmed")

    rows = Subscription.objects.order_by("subscriber__email", "subscriber__phone").select_related("subscriber")
    found = {row.subscriber.email: (row.status, row.confirmation_due_at is not None, row.subscribed_at) for row in rows}
    assert found.pop("old@example.com")[:2] == ("subscribed", False)
    assert found == {
        "ann@example.com": ("unconfirmed", True, None),
        "bob@mail.example.org": ("unconfirmed", False, None),
        None: ("unconfirmed", False, None),
    }
    assert ConsentEvent.objects.filter(kind="requested", subscriber__email="ann@example.com").count() == 1


def test_whoever_was_erased_is_kept_out(news, organization):
    Erasure.objects.create(organization=organization, email_hash=erased.hashed(organization, "ann@example.com"))
    content = "email\nANN@example.com\nbob@example.com\n"

    trial = imports.dry_run(upload(news, content))
    done = import_file(news, content)

    assert counts(done) == (1, 0, 0, 1)
    assert (trial.counts.added, trial.counts.refused) == (1, 1)
    ((number, why),) = refusals(done)
    assert (number, "was erased" in why) == (2, True)
    assert not Subscriber.objects.filter(email="ann@example.com").exists()
