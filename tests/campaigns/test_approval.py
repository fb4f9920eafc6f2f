"""Whose campaigns wait, who may let them go, and what an approval covers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils.timezone import now

from accounts import keys
from accounts.actors import Actor, Surface
from accounts.models import Membership, Organization
from campaigns import approval, drafts, lifecycle
from campaigns.errors import InvalidTransition, NotAllowed, NotReady
from campaigns.models import Campaign, ScheduleType, State
from content.models import Email
from tests.conftest import acting
from tests.factories import EmailFactory, MailingListFactory, SegmentFactory, SubscriptionFactory, draft_campaign

TOMORROW = now() + timedelta(days=1)


@pytest.fixture
def pending(organization, dora, erin):
    """Dora's campaign, waiting for an approver."""
    campaign = draft_campaign(organization, by=acting(dora))
    return lifecycle.submit(campaign, by=acting(dora), schedule=lifecycle.at(TOMORROW, "Europe/Berlin"))


@pytest.fixture
def approved(pending, erin):
    """Dora's campaign, approved by Erin."""
    return lifecycle.approve(pending, by=acting(erin))


def set_policy(organization, policy):
    organization.approval = policy
    organization.save()


def is_approved(campaign):
    campaign.refresh_from_db()
    return (campaign.state, bool(campaign.approved_revision), campaign.approved_at is not None) == (
        State.SCHEDULED,
        True,
        True,
    )


# --- whose campaigns wait ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "person", "waits"),
    [
        ("never", "dora", False),
        ("never", "bob", False),
        ("untrusted", "dora", True),
        ("untrusted", "bob", False),
        ("always", "dora", True),
        ("always", "bob", True),
        ("always", "alice", True),
    ],
)
@pytest.mark.parametrize("act", [lifecycle.submit, lifecycle.send_now])
def test_the_organization_says_whose_campaigns_wait(organization, policy, person, waits, act, request):
    set_policy(organization, policy)
    by = acting(request.getfixturevalue(person))
    campaign = draft_campaign(organization, by=by)

    act(campaign, by=by)

    assert (campaign.state == State.PENDING_APPROVAL) == waits
    assert campaign.submitted_by == by.user


def test_a_superuser_is_trusted_where_trust_is_enough_and_nowhere_else(organization, charlie):
    charlie.is_superuser = True
    charlie.save()

    assert not approval.is_required(organization, charlie)
    set_policy(organization, Organization.Approval.ALWAYS)
    assert approval.is_required(organization, charlie)


def test_a_waiting_campaign_says_so(pending):
    assert pending.status_reason == "Awaiting approval."


def test_a_campaign_nobody_may_approve_says_that_too(organization, dora):
    campaign = draft_campaign(organization, by=acting(dora))

    lifecycle.submit(campaign, by=acting(dora))

    assert "nobody in this organization may give it" in campaign.status_reason


# --- who may let them go -----------------------------------------------------------------------------------------


def test_approving_freezes_what_was_looked_at(pending, erin):
    lifecycle.approve(pending, by=acting(erin), revision=approval.revision(pending), reason="Fine.")

    assert is_approved(pending)
    assert (pending.approved_by, pending.approved_revision) == (erin, approval.revision(pending))
    assert pending.events.last().reason == "Fine."


def test_an_approver_who_looked_at_something_else_is_told_to_look_again(pending, erin):
    seen = approval.revision(pending)
    Email.objects.update(subject="Behind the back")

    with pytest.raises(InvalidTransition, match="look again"):
        lifecycle.approve(pending, by=acting(erin), revision=seen)


def test_nobody_approves_their_own_not_even_a_superuser(organization, alice):
    set_policy(organization, Organization.Approval.ALWAYS)
    alice.is_superuser = True
    alice.save()
    campaign = draft_campaign(organization, by=acting(alice))
    lifecycle.submit(campaign, by=acting(alice))

    with pytest.raises(NotAllowed, match="somebody else"):
        lifecycle.approve(campaign, by=acting(alice))

    assert "approve" not in lifecycle.allowed(campaign, alice)
    assert alice not in approval.approvers_of(campaign)


def test_nobody_approves_their_own_with_a_key_they_issued_in_anothers_name(organization, alice, erin):
    set_policy(organization, Organization.Approval.ALWAYS)
    membership = Membership.objects.get(user=erin)
    campaign = draft_campaign(organization, by=acting(alice))
    lifecycle.submit(campaign, by=acting(alice))
    hers, alices = (keys.issue(membership, name="shop", by=acting(person))[0] for person in (erin, alice))

    with pytest.raises(NotAllowed, match="somebody else"):
        lifecycle.approve(campaign, by=Actor(user=erin, surface=Surface.MANAGEMENT, api_key=alices))

    offered = [lifecycle.allowed(campaign, erin, Surface.MANAGEMENT, key) for key in (hers, alices)]
    assert ["approve" in verbs for verbs in offered] == [True, False]

    lifecycle.approve(campaign, by=Actor(user=erin, surface=Surface.MANAGEMENT, api_key=hers))
    assert campaign.approved_by == erin


def test_an_organization_can_do_without_a_second_pair_of_eyes(organization, alice):
    organization.four_eyes = False
    set_policy(organization, Organization.Approval.ALWAYS)
    campaign = draft_campaign(organization, by=acting(alice))
    lifecycle.submit(campaign, by=acting(alice))

    assert alice in approval.approvers_of(campaign)
    assert is_approved(lifecycle.approve(campaign, by=acting(alice)))


@pytest.mark.parametrize("person", ["bob", "dora", "victor", "charlie"])
def test_only_approvers_and_administrators_decide(pending, person, request):
    by = acting(request.getfixturevalue(person))

    with pytest.raises(NotAllowed):
        lifecycle.approve(pending, by=by)
    with pytest.raises(NotAllowed):
        lifecycle.reject(pending, by=by, reason="No.")


def test_approvers_are_the_active_ones_of_the_organization(organization, alice, bob, erin, victor, charlie):
    alice.is_active = False
    alice.save()

    assert list(approval.approvers(organization)) == [erin]


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_rejecting_needs_a_reason(pending, erin, reason):
    with pytest.raises(NotReady, match="Say why"):
        lifecycle.reject(pending, by=acting(erin), reason=reason)


def test_a_rejected_campaign_is_a_draft_that_says_why(pending, erin):
    lifecycle.reject(pending, by=acting(erin), reason="Wrong logo.")

    assert (pending.state, pending.status_reason) == (State.DRAFT, "Wrong logo.")
    assert (pending.schedule_type, pending.scheduled_at) == (ScheduleType.NONE, TOMORROW)
    assert pending.submitted_by is None


def test_submitting_again_asks_again_and_forgets_the_old_reason(pending, erin, dora):
    lifecycle.reject(pending, by=acting(erin), reason="Wrong logo.")

    lifecycle.submit(pending, by=acting(dora))

    assert (pending.state, pending.status_reason) == (State.PENDING_APPROVAL, "Awaiting approval.")


def test_who_submitted_takes_it_back(pending, dora):
    lifecycle.withdraw(pending, by=acting(dora))

    assert (pending.state, pending.status_reason) == (State.DRAFT, "")


def test_approving_after_its_time_means_now(pending, erin):
    Campaign.objects.update(scheduled_at=now() - timedelta(days=2))

    lifecycle.approve(pending, by=acting(erin))
    lifecycle.start(pending)

    assert pending.state == State.CALCULATING


def test_an_approver_cannot_approve_what_became_incomplete(pending, erin):
    Email.objects.update(subject="")

    with pytest.raises(NotReady):
        lifecycle.approve(pending, by=acting(erin))


# --- what an approval covers -------------------------------------------------------------------------------------


def edit_subject(campaign, by):
    drafts.edit_email(campaign.variants.get().email, by=by, subject="Something else")


def edit_html(campaign, by):
    html = campaign.variants.get().email.html
    drafts.edit_email(campaign.variants.get().email, by=by, html=html.replace("Hello", "Goodbye"))


def exchange_email(campaign, by):
    drafts.edit(campaign, by=by, email=EmailFactory(organization=campaign.organization, subject="Other"))


def exchange_audience(campaign, by):
    other = MailingListFactory(organization=campaign.organization)
    drafts.edit(campaign, by=by, audience=[drafts.Part(mailing_list=other)])


def move(campaign, by):
    lifecycle.reschedule(campaign, by=by, schedule=lifecycle.at(TOMORROW + timedelta(hours=1), "Europe/Berlin"))


def move_by_editing(campaign, by):
    drafts.edit(campaign, by=by, scheduled_at=TOMORROW + timedelta(hours=1))


def send_now(campaign, by):
    lifecycle.send_now(campaign, by=by)


CONTENT_EDITS = [edit_subject, edit_html, exchange_email, exchange_audience]
TIME_EDITS = [move, move_by_editing, send_now]


@pytest.mark.parametrize("change", [*CONTENT_EDITS, *TIME_EDITS])
def test_every_change_by_who_needs_approval_voids_it(approved, dora, erin, change):
    change(approved, acting(dora))

    approved.refresh_from_db()
    assert approved.state == State.PENDING_APPROVAL
    assert (approved.approved_by, approved.approved_at, approved.approved_revision) == (None, None, "")
    assert "The approval is void." in approved.events.last().reason
    assert approved.submitted_by == dora


@pytest.mark.parametrize("change", CONTENT_EDITS)
def test_a_change_by_who_needs_no_approval_voids_it_and_keeps_the_time(approved, bob, change):
    change(approved, acting(bob))

    approved.refresh_from_db()
    assert (approved.state, approved.approved_revision) == (State.SCHEDULED, "")
    assert "The approval is void." in approved.events.last().reason
    assert approved.submitted_by == bob


@pytest.mark.parametrize("change", CONTENT_EDITS)
def test_who_needs_approval_cannot_slip_a_change_into_a_trusted_colleagues_campaign(organization, bob, dora, change):
    campaign = draft_campaign(organization, by=acting(bob))
    lifecycle.submit(campaign, by=acting(bob), schedule=lifecycle.at(TOMORROW))

    change(campaign, acting(dora))

    campaign.refresh_from_db()
    assert (campaign.state, campaign.submitted_by) == (State.PENDING_APPROVAL, dora)


def test_after_a_trusted_colleagues_change_an_untrusted_one_still_asks(approved, bob, dora):
    edit_subject(approved, acting(bob))

    edit_html(approved, acting(dora))

    approved.refresh_from_db()
    assert approved.state == State.PENDING_APPROVAL


@pytest.mark.parametrize("change", TIME_EDITS[:2])
def test_the_time_counts_only_where_the_organization_says_so(approved, dora, change):
    Organization.objects.update(approval_covers_schedule=False)

    change(Campaign.objects.get(pk=approved.pk), acting(dora))

    assert is_approved(approved)
    assert approved.scheduled_at == TOMORROW + timedelta(hours=1)
    lifecycle.start(approved, at=approved.scheduled_at)
    assert approved.state == State.CALCULATING


def test_turning_that_setting_does_not_void_what_is_approved(approved):
    for covers in (False, True):
        Organization.objects.update(approval_covers_schedule=covers)

        assert approval.is_covered(Campaign.objects.get(pk=approved.pk))


def test_sending_now_an_approved_campaign_where_the_time_does_not_count(approved, dora):
    Organization.objects.update(approval_covers_schedule=False)

    lifecycle.send_now(approved, by=acting(dora))

    assert approved.state == State.CALCULATING


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Evening"},
        {"tags": ["News"]},
        {"edition": None},
    ],
)
def test_what_nobody_looks_at_voids_nothing(approved, dora, change):
    drafts.edit(approved, by=acting(dora), **change)

    assert is_approved(approved)


def test_writing_down_again_what_is_there_voids_nothing(approved, dora):
    email = approved.variants.get().email
    parts = [drafts.Part(mailing_list=part.mailing_list) for part in approved.audience.all()]

    drafts.edit(approved, by=acting(dora), email=email, audience=parts, scheduled_at=approved.scheduled_at)
    drafts.edit_email(email, by=acting(dora), subject=email.subject, title="Only we see this")

    assert is_approved(approved)


def test_the_same_moment_in_another_zone_is_the_same_time(approved, dora):
    elsewhere = TOMORROW.astimezone(ZoneInfo("Asia/Tokyo"))

    lifecycle.reschedule(approved, by=acting(dora), schedule=lifecycle.at(elsewhere, "Europe/Berlin"))

    assert is_approved(approved)


def test_a_waiting_campaign_that_is_edited_is_a_draft_again_with_the_time_just_set(pending, dora):
    moment = datetime(2030, 1, 1, 9, tzinfo=UTC)

    drafts.edit(pending, by=acting(dora), scheduled_at=moment)

    pending.refresh_from_db()
    assert (pending.state, pending.schedule_type, pending.scheduled_at) == (State.DRAFT, ScheduleType.NONE, moment)
    assert (pending.submitted_by, pending.status_reason) == (None, "")


# --- the clock asks again (T7p) ----------------------------------------------------------------------------------


def test_the_clock_starts_nothing_that_was_changed_behind_its_back(approved):
    Email.objects.update(subject="Behind the back")

    lifecycle.start(approved, at=TOMORROW)

    assert (approved.state, approved.approved_revision) == (State.PENDING_APPROVAL, "")
    event = approved.events.last()
    assert (event.verb, event.surface) == ("void_approval", "system")
    assert "changed after it was approved" in event.reason


def test_a_changed_rule_of_a_segment_voids_the_approval(organization, dora, erin):
    segment = SegmentFactory(organization=organization)
    campaign = draft_campaign(organization, by=acting(dora), audience=[drafts.Part(segment=segment)])
    lifecycle.submit(campaign, by=acting(dora), schedule=lifecycle.at(TOMORROW))
    lifecycle.approve(campaign, by=acting(erin))

    drafts.edit_segment(segment, by=acting(dora), mailing_lists=[MailingListFactory(organization=organization)])

    campaign.refresh_from_db()
    assert campaign.state == State.PENDING_APPROVAL


def test_a_segment_renamed_voids_nothing(organization, dora, erin):
    segment = SegmentFactory(organization=organization)
    campaign = draft_campaign(organization, by=acting(dora), audience=[drafts.Part(segment=segment)])
    lifecycle.submit(campaign, by=acting(dora), schedule=lifecycle.at(TOMORROW))
    lifecycle.approve(campaign, by=acting(erin))

    drafts.edit_segment(segment, by=acting(dora), name="Readers", mailing_lists=[])

    assert is_approved(campaign)


def test_people_who_join_a_list_void_nothing(approved):
    SubscriptionFactory(mailing_list=approved.audience.get().mailing_list)

    lifecycle.start(approved, at=TOMORROW)

    assert approved.state == State.CALCULATING


def test_the_clock_asks_an_approver_when_trust_was_withdrawn_meanwhile(organization, bob, erin):
    campaign = draft_campaign(organization, by=acting(bob))
    lifecycle.submit(campaign, by=acting(bob), schedule=lifecycle.at(TOMORROW))
    Membership.objects.filter(user=bob).update(trusted=False)

    lifecycle.start(campaign, at=TOMORROW)

    assert campaign.state == State.PENDING_APPROVAL
    assert campaign.submitted_by == bob


def test_the_clock_needs_no_approval_where_the_organization_needs_none_any_more(organization, approved):
    Email.objects.update(subject="Behind the back")
    set_policy(organization, Organization.Approval.NEVER)

    lifecycle.start(Campaign.objects.get(pk=approved.pk), at=TOMORROW)

    approved.refresh_from_db()
    assert approved.state == State.CALCULATING


# --- what changed since somebody looked --------------------------------------------------------------------------


def test_at_a_first_look_nothing_has_changed(pending):
    assert approval.changes(pending) == []


def test_an_approver_sees_what_changed_since_the_last_submission(pending, dora, erin):
    lifecycle.reject(pending, by=acting(erin), reason="Wrong subject, wrong people.")
    edit_subject(pending, acting(dora))
    exchange_audience(pending, acting(dora))
    lifecycle.submit(pending, by=acting(dora), schedule=lifecycle.at(TOMORROW, "Europe/Berlin"))

    changes = {change.what: (change.before, change.after) for change in approval.changes(pending)}

    assert changes.keys() == {"Subject", "Audience"}
    assert changes["Subject"] == ("Good morning", "Something else")


def test_a_change_behind_the_back_shows_against_what_was_submitted(pending):
    Email.objects.update(html="<p>One</p>\n<p>Two</p>")

    (change,) = approval.changes(pending)

    assert change.what == "HTML"
    assert "+<p>Two</p>" in change.lines


def test_what_was_reverted_is_compared_with_the_latest_other_look(pending, dora, erin):
    email = pending.variants.get().email
    for subject in ("Second", "Good morning"):
        drafts.edit_email(email, by=acting(dora), subject=subject)
        lifecycle.submit(pending, by=acting(dora), schedule=lifecycle.at(TOMORROW, "Europe/Berlin"))

    (change,) = approval.changes(pending)

    assert (change.before, change.after) == ("Second", "Good morning")
    assert pending.revisions.count() == 2


def test_a_segments_lists_and_rules_show_in_a_change(organization, dora):
    segment = SegmentFactory(organization=organization, name="Fans")
    campaign = draft_campaign(organization, by=acting(dora), audience=[drafts.Part(segment=segment, excluded=False)])
    lifecycle.submit(campaign, by=acting(dora))
    segment.mailing_lists.add(MailingListFactory(organization=organization, name="Daily"))

    (change,) = approval.changes(campaign)

    assert (change.what, "of everybody" in change.before, "of Daily" in change.after) == ("Audience", True, True)
