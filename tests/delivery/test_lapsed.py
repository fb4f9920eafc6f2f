"""Who has left since the audience was fixed gets nothing of what waited: the rest of a split test, or a pause."""

from datetime import timedelta

from django.utils.timezone import now

from audience.models import Subscription, Suppression
from campaigns.models import CampaignRun
from delivery.lapsed import TRUSTED_FOR
from tests.delivery.servers import Mailbox
from tests.delivery.states import assert_reconciled, deliver_all, sending, states

LONG_AGO = timedelta(days=2)


def left_since(run, age):
    """Six people: one unsubscribed, one complained, one and another's domain are suppressed, one's list is gone."""
    CampaignRun.objects.filter(pk=run.pk).update(frozen_at=now() - age)
    people = list(run.recipients.order_by("pk"))
    Subscription.objects.filter(pk=people[0].subscription_id).update(status="unsubscribed", unsubscribed_at=now())
    Subscription.objects.filter(pk=people[1].subscription_id).update(status="complained")
    organization = run.campaign.organization
    Suppression.objects.create(organization=organization, kind="email", value=people[2].address, source="api")
    person = people[3].subscriber
    person.email = "ann@gone.example"
    person.save()
    Suppression.objects.create(kind="domain", value="gone.example", source="api")
    Subscription.objects.filter(pk=people[4].subscription_id).delete()
    return people[5].address


def test_who_left_while_they_waited_gets_nothing(mail_relay):
    _, run = sending(people=6)
    kept = left_since(run, LONG_AGO)

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)

    assert [address for _, address, _ in mailbox.mails] == [kept]
    assert states(run) == {"sent": 1, "skipped": 5}
    assert_reconciled(run)
    reasons = run.recipients.filter(state="skipped").order_by("pk").values_list("skip_reason", flat=True)
    assert list(reasons) == ["unsubscribed", "complained", "suppressed", "suppressed", "unsubscribed"]


def test_an_audience_fixed_a_moment_ago_is_trusted(mail_relay):
    _, run = sending(people=6)
    left_since(run, TRUSTED_FOR / 2)

    with mail_relay(Mailbox()):
        deliver_all(run)

    assert states(run) == {"sent": 6}


def test_who_was_tried_before_is_tried_again(mail_relay):
    _, run = sending(people=6)
    left_since(run, LONG_AGO)
    run.recipients.update(claim=1)
    run.batches.update(claims=1)

    with mail_relay(Mailbox()):
        deliver_all(run)

    assert states(run) == {"sent": 6}
