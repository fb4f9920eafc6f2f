"""Who is written to about a split test, when, and what."""

import pytest
from django.core import mail
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.models import Campaign
from splittests import course, notices, tasks
from splittests.models import SplitTestRun
from splittests.tasks import go_on
from tests.factories import MembershipFactory, UserFactory, staff
from tests.races import at_once, race
from tests.splittests.test_course import opened_by, waiting

pytestmark = pytest.mark.django_db


def due(**settings):
    row = waiting(**settings)
    opened_by(row.run, 2, 3)
    SplitTestRun.objects.update(due_at=now())
    Campaign.objects.update(submitted_by=None)
    row.run.campaign.refresh_from_db()
    return row


def receivers():
    return sorted(address for message in mail.outbox for address in message.to)


def test_the_author_is_asked_once_and_told_what_somebody_else_chose(settings):
    settings.BASE_URL = "https://mail.example"
    row = due(when_unclear="ask")
    campaign = row.run.campaign
    Campaign.objects.filter(pk=campaign.pk).update(name="Spring")

    go_on()
    go_on()

    (message,) = mail.outbox
    assert message.to == [campaign.created_by.email]
    assert message.subject == "Please choose: Spring"
    for part in (
        "found no clear difference. The first is the best with",
        "B: Good morning: 60.0 % of 5, the best with",
        "10 people wait until somebody chooses",
        f"https://mail.example/admin/campaigns/campaign/{campaign.pk}/change/\n",
    ):
        assert part in message.body
    assert message.extra_headers["Feedback-ID"].startswith(f"split-test:{campaign.public_id}:")
    assert campaign.events.filter(verb="ask").count() == 1

    other = staff(campaign.organization, trusted=False)
    course.choose(SplitTestRun.objects.get(), campaign.variants.get(name="A"), by=other, reason="Kinder.")
    go_on()
    go_on()

    _, told = mail.outbox
    assert told.subject == "A goes to the rest: Spring"
    assert f"{other.user} chose it: Kinder." in told.body


def test_who_chooses_is_not_told_what_they_chose():
    row = due()
    by = staff(row.run.campaign.organization, "manager")
    assert by.user == row.run.campaign.created_by

    course.choose(row, row.run.campaign.variants.get(name="A"), by=by, reason="Kinder.")
    go_on()

    assert mail.outbox == []
    assert SplitTestRun.objects.get().told == "decided"


def test_what_the_clock_decides_is_told():
    due()

    go_on()
    go_on()

    (message,) = mail.outbox
    assert message.subject == "B goes to the rest: Morning"
    assert "No clear difference." in message.body


def test_without_an_author_who_may_choose_everybody_who_may_is_asked():
    row = due(when_unclear="ask")
    campaign = row.run.campaign
    Campaign.objects.filter(pk=campaign.pk).update(created_by=UserFactory())
    manager = MembershipFactory(organization=campaign.organization, role="manager").user
    MembershipFactory(organization=campaign.organization, role="viewer")
    MembershipFactory(organization=campaign.organization, role="manager", user__is_active=False)

    go_on()

    assert manager.email in receivers()
    assert not {"viewer", "approver"} & set(
        row.run.campaign.organization.memberships.filter(user__email__in=receivers()).values_list("role", flat=True)
    )


def test_mail_that_comes_too_late_is_not_sent():
    row = due(when_unclear="ask")
    course.decide_now(row)
    row = SplitTestRun.objects.select_related("run__campaign").get()
    by = staff(row.run.campaign.organization)
    assert notices.notice(row, "asked", by.user)
    course.choose(row, row.run.campaign.variants.get(name="A"), by=by, reason="Kinder.")

    tasks.notify(row.pk, "asked", by.user.pk)

    assert mail.outbox == []


def test_a_test_of_a_cancelled_campaign_asks_nobody():
    row = due(when_unclear="ask")
    course.decide_now(row)
    lifecycle.cancel(row.run.campaign, by=staff(row.run.campaign.organization))

    go_on()

    assert mail.outbox == []


@race
def test_of_two_clocks_one_tells():
    due(when_unclear="ask")
    go_on_without_mail = SplitTestRun.objects.get()
    course.decide_now(go_on_without_mail)

    at_once(go_on, go_on)

    assert len(mail.outbox) == 1
