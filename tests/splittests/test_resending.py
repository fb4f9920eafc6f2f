"""A campaign once more, to who has not opened it: planned, approved, made once, sent to exactly those."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.db.models import F
from django.utils.timezone import now

from accounts.models import Organization
from audience.models import Subscription, Suppression
from campaigns import approval, drafts, lifecycle, schedules
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import Campaign, CampaignRun, ScheduleType, State
from campaigns.variants import Content, set_variants
from delivery import audiences, dispatches
from delivery.freeze import freeze
from delivery.models import Batch, Recipient
from delivery.reasons import reason_for
from delivery.runs import finish_if_complete
from splittests import course, resending
from splittests.models import AutoResend, SplitTestRun
from splittests.resending import set_auto_resend
from splittests.tasks import go_on
from stats.ingest import ingest
from stats.models import Engagement
from tests.factories import EmailFactory, MailingListFactory, draft_campaign, staff
from tests.races import at_once, race
from tests.splittests.test_course import READER, planned, sent_to
from tracking import spool
from tracking.spool import Hit

pytestmark = pytest.mark.django_db
SETTINGS = {"wait_days": 3, "subject": "Did you see this?"}
BODY = "<p>{}</p><p><a href='{{{{ unsubscribe_url }}}}'>Unsubscribe</a></p>"


def by(campaign, role="admin", *, trusted=True):
    return staff(campaign.organization, role, trusted=trusted)


def resent(people=6, **about):
    """A draft that goes out once more."""
    campaign = draft_campaign(people=people, **about)
    set_auto_resend(campaign, by=by(campaign), **SETTINGS)
    return campaign


def sent(campaign):
    """Sent to everybody; its run."""
    return delivered(freeze(lifecycle.send_now(campaign, by=by(campaign))))


def delivered(run):
    sent_to(run)
    assert finish_if_complete(run.campaign_id)
    return CampaignRun.objects.get(pk=run.pk)


def hit(kind, reader, *, agent=READER):
    spool.append(Hit(kind, reader.run_id, reader.pk, reader.subscriber_id, now(), user_agent=agent))


def days_later(days):
    return time_machine.travel(now() + timedelta(days=days, minutes=1))


def child_of(campaign):
    return Campaign.objects.filter(original=campaign).first()


def test_who_has_not_opened_gets_it_once_more_under_the_other_subject():
    campaign = resent(people=8)
    run = sent(campaign)
    readers = list(run.recipients.order_by("pk"))
    hit("opened", readers[0])
    hit("clicked", readers[1])  # without the pixel
    ingest()
    Engagement.objects.create(recipient=readers[2], run=run, privacy_opened_at=now(), read_at=now())  # no person did
    Engagement.objects.create(recipient=readers[3], run=run, bounced_at=now())
    Subscription.objects.filter(subscriber=readers[4].subscriber_id).update(
        status="unsubscribed", unsubscribed_at=now()
    )
    Suppression.objects.create(organization=campaign.organization, kind="email", value=readers[5].address)

    go_on()
    assert child_of(campaign) is None  # three days have not passed
    with days_later(3):
        go_on()
        child = child_of(campaign)
        assert (child.state, child.schedule_type) == (State.SCHEDULED, ScheduleType.IMMEDIATE)
        assert audiences.estimate(audiences.of(child)).mailable == 3
        again = freeze(lifecycle.start(child))

    assert dict(again.recipients.values_list("subscriber", "skip_reason")) == {
        readers[2].subscriber_id: "",
        readers[4].subscriber_id: "unsubscribed",
        readers[5].subscriber_id: "suppressed",
        readers[6].subscriber_id: "",
        readers[7].subscriber_id: "",
    }
    assert (again.planned, again.skipped, again.pending) == (5, 2, 3)
    said = again.contents.get()
    assert (said.subject, said.html) == ("Did you see this?", run.contents.get().html)
    assert "“Morning”" in reason_for(child, readers[0].subscriber).sentence
    assert (campaign.runs.count(), CampaignRun.objects.get(pk=run.pk).planned) == (1, 8)


def test_it_says_what_was_sent_whatever_the_email_says_now():
    campaign = resent()
    run = sent(campaign)
    email = campaign.variants.get().email
    drafts.edit_email(
        email, by=by(campaign), html="<p>Other. <a href='{{ unsubscribe_url }}'>No</a></p>", preheader="x"
    )

    with days_later(3):
        go_on()

    resend = child_of(campaign).variants.get().email
    assert (resend.html, resend.preheader) == (run.contents.get().html, "")
    assert resend.pk != email.pk


def test_of_an_ab_campaign_everybody_gets_the_variant_they_had():
    campaign = resent(people=6)
    emails = [EmailFactory(organization=campaign.organization, html=BODY.format(name)) for name in "AB"]
    set_variants(campaign, [Content(email=email) for email in emails], by=by(campaign))
    run = sent(campaign)

    with days_later(3):
        go_on()
        again = freeze(lifecycle.start(child_of(campaign)))

    had = dict(run.recipients.values_list("subscriber", "variant__name"))
    assert dict(again.recipients.values_list("subscriber", "variant__name")) == had
    assert Counter(had.values()) == {"A": 3, "B": 3}
    assert {each.html for each in again.contents.all()} == {BODY.format("A"), BODY.format("B")}


def test_of_a_split_test_everybody_gets_what_has_won():
    campaign = planned(people=8)
    set_auto_resend(campaign, by=by(campaign), **SETTINGS)
    run = freeze(lifecycle.send_now(campaign, by=by(campaign)))
    sent_to(run)
    course.hold(run)
    won = campaign.variants.get(position=1)
    course.choose(SplitTestRun.objects.get(), won, by=by(campaign), reason="It is better.")
    course.free(SplitTestRun.objects.get())
    CampaignRun.objects.filter(pk=run.pk).update(sent=F("sent") + run.recipients.filter(state="pending").count())
    run.recipients.filter(state="pending").update(state="sent", settled_at=now())
    Batch.objects.update(state="done")
    assert finish_if_complete(campaign.pk)

    with days_later(3):
        go_on()

    assert [each.name for each in child_of(campaign).variants.all()] == ["B"]


def test_the_cap_does_not_count_the_message_that_is_sent_again():
    campaign = resent(people=2, frequency_cap_hours=24 * 7)
    run = sent(campaign)

    with days_later(3):
        go_on()
        again = freeze(lifecycle.start(child_of(campaign)))

    assert not again.recipients.filter(skip_reason="capped").exists()
    assert again.planned == run.planned


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"wait_days": 0}, "wait_days"),
        ({"wait_days": 366}, "wait_days"),
        ({"wait_days": "soon"}, "wait_days"),
        ({"subject": " "}, "subject"),
        ({"subject": "Hello\nBcc: you@example.com"}, "subject"),
        ({"preheader": "a\r\nb"}, "preheader"),
        ({"metric": "opened"}, "metric"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field_and_changes_nothing(given, field):
    campaign = draft_campaign(people=0)

    with pytest.raises(NotReady) as refusal:
        set_auto_resend(campaign, by=by(campaign), **{**SETTINGS, **given})

    assert field in refusal.value.problems
    assert not AutoResend.objects.exists()


def test_an_sms_a_resend_and_what_recurs_are_not_sent_once_more():
    sms = draft_campaign(people=0, channel="sms")
    with pytest.raises(NotReady, match="SMS"):
        set_auto_resend(sms, by=by(sms), **SETTINGS)
    campaign = resent()
    assert "schedule_type" in schedules.problems(campaign, ScheduleType.RECURSIVE)
    assert schedules.problems(campaign, ScheduleType.FUTURE) == {}
    sent(campaign)
    with days_later(3):
        go_on()
    child = child_of(campaign)
    with pytest.raises(NotReady, match="third time"):
        set_auto_resend(child, by=by(campaign), **SETTINGS)
    assert "third time" in schedules.problems(child, ScheduleType.RECURSIVE)["schedule_type"][0]
    other = MailingListFactory(organization=campaign.organization)
    with pytest.raises(Locked, match="not opened"):
        drafts.edit(child, by=by(campaign), audience=[drafts.Part(mailing_list=other)])


def test_a_subject_that_cannot_be_sent_is_found_before_the_first_message():
    campaign = resent()
    set_auto_resend(campaign, by=by(campaign), subject="Hello {{ first_name|nonsense }}")

    with pytest.raises(NotReady, match="Once more") as refusal:
        lifecycle.submit(campaign, by=by(campaign))

    assert list(refusal.value.problems) == ["auto_resend"]


def test_where_opens_are_not_tracked_nobody_is_sent_to_once_more():
    campaign = resent()
    dispatches.settle(campaign, by=by(campaign), tracks_opens=False)

    with pytest.raises(NotReady, match="not tracked"):
        lifecycle.submit(campaign, by=by(campaign))
    with pytest.raises(NotReady, match="not tracked"):
        set_auto_resend(campaign, by=by(campaign), subject="Another")


def test_a_resend_goes_out_with_the_delivery_settings_of_its_original():
    campaign = resent()
    dispatches.settle(campaign, by=by(campaign), speed=500)
    sent(campaign)

    with days_later(3):
        go_on()

    assert dispatches.of(child_of(campaign)).speed == 500


def test_only_who_may_change_campaigns_plans_one_and_only_until_it_is_made():
    campaign = resent()
    with pytest.raises(NotAllowed):
        set_auto_resend(campaign, by=by(campaign, "viewer"), **SETTINGS)
    sent(campaign)
    set_auto_resend(campaign, by=by(campaign), subject="Another")
    with days_later(3):
        go_on()

    with pytest.raises(Locked, match="made already"):
        set_auto_resend(campaign, by=by(campaign), enabled=False)
    assert child_of(campaign).variants.get().email.subject == "Another"
    cancelled = resent()
    lifecycle.cancel(cancelled, by=by(cancelled))
    with pytest.raises(Locked):
        set_auto_resend(cancelled, by=by(cancelled), **SETTINGS)


def test_switched_off_it_keeps_what_it_said_and_goes_to_nobody():
    campaign = resent()
    set_auto_resend(campaign, by=by(campaign), enabled=False)
    sent(campaign)

    with days_later(30):
        go_on()

    assert child_of(campaign) is None
    assert AutoResend.objects.get().subject == SETTINGS["subject"]
    assert resending.looked_at(campaign) == {}


@pytest.mark.parametrize("end", ["cancel", "fail", "delete"])
def test_what_was_stopped_or_deleted_is_not_sent_once_more(end):
    campaign = resent()
    if end == "delete":
        sent(campaign)
        lifecycle.delete(campaign, by=by(campaign))
    else:
        freeze(lifecycle.send_now(campaign, by=by(campaign)))
        stop = {"cancel": lambda: lifecycle.cancel(campaign, by=by(campaign))}
        stop.get(end, lambda: lifecycle.fail(campaign, reason="The relay is gone."))()

    with days_later(30):
        go_on()

    assert child_of(campaign) is None
    assert end == "delete" or resending.goes_out_at(AutoResend.objects.get(campaign=campaign)) is None


@pytest.mark.parametrize("running", [True, False])
def test_deleting_a_campaign_deletes_its_resend(running):
    campaign = resent()
    sent(campaign)
    with days_later(3):
        go_on()
        child = child_of(campaign)
        if running:
            freeze(lifecycle.start(child))

    lifecycle.delete(campaign, by=by(campaign))

    child.refresh_from_db()
    assert child.deleted_at is not None
    assert child.state == (State.CANCELLED if running else State.SCHEDULED)


def test_a_copy_takes_the_plan_along_but_not_what_came_of_it():
    campaign = resent()
    sent(campaign)
    with days_later(3):
        go_on()

    twin = drafts.copy(campaign, by=by(campaign))

    row = AutoResend.objects.get(campaign=twin)
    assert (row.enabled, row.subject, row.child, row.made_at) == (True, SETTINGS["subject"], None, None)
    assert twin.original is None


# --- approval ------------------------------------------------------------------------------------------------------


def approved(campaign):
    author = by(campaign, "manager", trusted=False)
    set_auto_resend(campaign, by=author, **SETTINGS)
    lifecycle.submit(campaign, by=author)
    assert campaign.state == State.PENDING_APPROVAL
    lifecycle.approve(campaign, by=by(campaign, "approver"))
    return delivered(freeze(lifecycle.start(campaign)))


def test_who_approves_a_campaign_approves_its_resend():
    campaign = draft_campaign()
    approved(campaign)
    assert campaign.revisions.last().looked_at["auto_resend"]["subject"] == SETTINGS["subject"]

    with days_later(3):
        go_on()
        child = child_of(campaign)
        assert (child.state, child.approved_by) == (State.SCHEDULED, campaign.approved_by)
        assert approval.is_covered(child)
        assert lifecycle.start(child).state == State.CALCULATING


@pytest.mark.parametrize("began", [None, now()], ids=["never sent", "it had recurred before"])
def test_changing_the_plan_before_sending_voids_the_approval(began):
    campaign = draft_campaign()
    Campaign.objects.filter(pk=campaign.pk).update(started_at=began)
    author = by(campaign, "manager", trusted=False)
    lifecycle.submit(campaign, by=author)
    lifecycle.approve(campaign, by=by(campaign, "approver"))

    set_auto_resend(campaign, by=author, **SETTINGS)

    campaign.refresh_from_db()
    assert campaign.state == State.PENDING_APPROVAL


@pytest.mark.parametrize(("trusted", "state"), [(False, State.PENDING_APPROVAL), (True, State.SCHEDULED)])
def test_what_was_changed_after_the_approval_is_answered_for_by_who_changed_it(trusted, state):
    campaign = draft_campaign()
    approved(campaign)
    set_auto_resend(campaign, by=by(campaign, "manager", trusted=trusted), subject="Buy now")

    with days_later(3):
        go_on()

    child = child_of(campaign)
    assert (child.state, child.submitted_by) == (state, by(campaign, "manager", trusted=trusted).user)


def test_a_campaign_that_needed_no_approval_is_asked_about_where_every_one_needs_it_now():
    campaign = resent()
    sent(campaign)
    Organization.objects.filter(pk=campaign.organization_id).update(approval="always")

    with days_later(3):
        go_on()

    assert child_of(campaign).state == State.PENDING_APPROVAL


def test_what_cannot_go_out_stays_a_draft_and_says_why_and_is_made_once():
    campaign = resent()
    sent(campaign)
    AutoResend.objects.update(subject="Hello {{ first_name|nonsense }}")

    with days_later(3):
        go_on()
        go_on()

    assert child_of(campaign).state == State.DRAFT
    assert AutoResend.objects.get().problem
    assert campaign.children.count() == 1


# --- once ----------------------------------------------------------------------------------------------------------


@race
def test_two_clocks_make_one_resend():
    campaign = resent()
    sent(campaign)

    with days_later(3):
        row = AutoResend.objects.get()
        made = at_once(*[lambda: resending.make(AutoResend.objects.get(pk=row.pk))] * 3)

    assert sorted(child is not None for child in made) == [False, False, True]
    assert campaign.children.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", ["_written", "_send"])
def test_a_worker_killed_half_way_leaves_nothing_and_the_next_makes_it(monkeypatch, line):
    campaign = resent()
    sent(campaign)
    original = getattr(resending, line)

    def die(*args):
        original(*args)
        raise KeyboardInterrupt

    with days_later(3):
        with monkeypatch.context() as patched:
            patched.setattr(resending, line, die)
            with pytest.raises(KeyboardInterrupt):
                go_on()
        assert child_of(campaign) is None
        go_on()

    assert campaign.children.count() == 1


@race
def test_a_deletion_and_the_clock_at_once_leave_no_resend_behind():
    campaign = resent()
    sent(campaign)

    with days_later(3):
        at_once(go_on, lambda: lifecycle.delete(Campaign.objects.get(pk=campaign.pk), by=by(campaign)))

    assert not Campaign.objects.kept().exists()


def test_failed_people_tried_again_put_the_resend_off():
    campaign = resent()
    run = sent(campaign)
    Recipient.objects.filter(pk=run.recipients.first().pk).update(state="failed")
    CampaignRun.objects.filter(pk=run.pk).update(sent=F("sent") - 1, failed=1)

    with days_later(3):
        lifecycle.retry_failed(campaign, by=by(campaign))
        go_on()

    assert (campaign.state, child_of(campaign)) == (State.SENDING, None)
