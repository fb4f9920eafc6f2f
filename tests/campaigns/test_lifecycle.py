"""The table of transitions, verb by verb, against what the verbs really do."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor, Surface
from accounts.permissions import GRANTS, Permission
from campaigns import lifecycle, recurring
from campaigns.errors import CampaignError, InvalidTransition, NotAllowed, NotReady
from campaigns.models import UNFINISHED, Campaign, CampaignEvent, ScheduleType, State
from campaigns.possible import OFFERED
from campaigns.recurrence import from_cron
from campaigns.transitions import TRANSITIONS, _reactions, react
from tests.conftest import acting
from tests.factories import draft_campaign, staff


def later():
    return lifecycle.at(now() + timedelta(days=1), "UTC")


# How each verb is used by somebody who may; those without `by` are Broadsheet's own.
USES = {
    "edit": lambda c, by: lifecycle.edited(c, by=by),
    "mark_ready": lambda c, by: lifecycle.mark_ready(c, by=by),
    "submit": lambda c, by: lifecycle.submit(c, by=by, schedule=later()),
    "approve": lambda c, by: lifecycle.approve(c, by=by),
    "reject": lambda c, by: lifecycle.reject(c, by=by, reason="No."),
    "withdraw": lambda c, by: lifecycle.withdraw(c, by=by),
    "unschedule": lambda c, by: lifecycle.unschedule(c, by=by),
    "reschedule": lambda c, by: lifecycle.reschedule(c, by=by, schedule=later()),
    "start": lambda c, by: lifecycle.start(c),
    "send_now": lambda c, by: lifecycle.send_now(c, by=by),
    "freeze": lambda c, by: lifecycle.freeze(c, user_count=3, total_recipients=3),
    "hold": lambda c, by: lifecycle.hold(c),
    "release": lambda c, by: lifecycle.release(c, by=by),
    "finish": lambda c, by: lifecycle.finish(c),
    "fail": lambda c, by: lifecycle.fail(c, reason="The relay is gone."),
    "pause": lambda c, by: lifecycle.pause(c, by=by),
    "suspend": lambda c, by: lifecycle.suspend(c, reason="Too many errors."),
    "resume": lambda c, by: lifecycle.resume(c, by=by),
    "cancel": lambda c, by: lifecycle.cancel(c, by=by),
    "retry_failed": lambda c, by: lifecycle.retry_failed(c, by=by),
    "reopen": lambda c, by: lifecycle.reopen(c, by=by),
    "delete": lambda c, by: lifecycle.delete(c, by=by),
    "next_instance": lambda c, by: lifecycle.next_instance(c),
    "miss": lambda c, by: lifecycle.miss(c),
}
# void_approval is no verb of its own: start and nobody else uses it.
OF_BROADSHEET = {verb for verb, transition in TRANSITIONS.items() if transition.permission is None}


def test_every_row_of_the_table_is_used_here():
    assert USES.keys() | {"void_approval"} == TRANSITIONS.keys()


def prepare(campaign, verb):
    """Make true what a verb asks for besides the state."""
    if verb == "resume" and campaign.state in UNFINISHED:
        Campaign.objects.filter(pk=campaign.pk).update(paused=True)
    if verb == "retry_failed":
        campaign.runs.update(planned=3, sent=2, failed=1)
    if verb in {"next_instance", "miss"}:
        Campaign.objects.filter(pk=campaign.pk).update(
            schedule_type=ScheduleType.RECURSIVE, scheduled_at=now() - timedelta(minutes=1), schedule_tz="UTC"
        )
        recurring.keep(campaign, from_cron("0 9 * * *"))


@pytest.mark.django_db
@pytest.mark.parametrize("state", list(State))
def test_each_verb_works_from_the_states_of_the_table_and_from_no_other(walked, state):
    campaign = walked(state)
    by = staff(campaign.organization, "admin", surface=Surface.GREENARROW)
    ends, refusals = {}, {}

    for verb, use in USES.items():
        with transaction.atomic():
            prepare(campaign, verb)
            try:
                ends[verb] = use(Campaign.objects.get(pk=campaign.pk), by).state
            except InvalidTransition as refusal:
                refusals[verb] = (refusal.verb, refusal.state)
            transaction.set_rollback(True)

    assert refusals == {verb: (verb, state) for verb in refusals}
    assert ends.keys() == {verb for verb, row in TRANSITIONS.items() if state in row.moves} - {"void_approval"}
    for verb, end in ends.items():
        assert end in TRANSITIONS[verb].moves[state], verb


@pytest.mark.django_db
@pytest.mark.parametrize("state", list(State))
def test_nobody_does_what_is_broadsheets_own(walked, state):
    campaign = walked(state)
    superuser = staff(campaign.organization).user
    superuser.is_superuser = True
    superuser.save()

    offered = lifecycle.allowed(campaign, superuser)

    assert not OF_BROADSHEET & set(offered)


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(GRANTS))
@pytest.mark.parametrize("state", list(State))
def test_each_role_uses_exactly_the_verbs_it_is_granted(walked, role, state):
    campaign = walked(state)
    by = staff(campaign.organization, role)
    offered = lifecycle.allowed(campaign, by.user)

    for verb in OFFERED:
        with transaction.atomic():
            refusal = None
            try:
                USES[verb](Campaign.objects.get(pk=campaign.pk), by)
            except CampaignError as error:
                refusal = error
            transaction.set_rollback(True)
        granted = TRANSITIONS[verb].permission in GRANTS[role]
        assert isinstance(refusal, NotAllowed) == (not granted), (verb, refusal)
        assert (refusal is None) == (verb in offered), (verb, refusal)


@pytest.mark.django_db
def test_a_stranger_and_nobody_do_nothing(walked, charlie):
    campaign = walked("scheduled")

    for user in (charlie, None):
        assert lifecycle.allowed(campaign, user) == []
        with pytest.raises(NotAllowed):
            lifecycle.cancel(campaign, by=Actor(user=user, surface=Surface.MANAGEMENT))


@pytest.mark.django_db
def test_somebody_who_claims_to_be_broadsheet_is_asked_for_permission(walked, charlie):
    campaign = walked("scheduled")

    with pytest.raises(NotAllowed):
        lifecycle.cancel(campaign, by=Actor(user=charlie, surface=Surface.SYSTEM))


@pytest.mark.django_db
def test_looking_what_is_allowed_costs_few_queries(walked, django_assert_max_num_queries):
    campaign = walked("sent")
    user = staff(campaign.organization).user

    with django_assert_max_num_queries(2):
        lifecycle.allowed(campaign, user)


@pytest.mark.django_db
def test_a_refused_verb_changes_nothing_and_leaves_no_trace(walked):
    campaign = walked("sending")
    before = Campaign.objects.filter(pk=campaign.pk).values().get()
    events = CampaignEvent.objects.count()

    with pytest.raises(InvalidTransition):
        lifecycle.submit(campaign, by=staff(campaign.organization))

    assert Campaign.objects.filter(pk=campaign.pk).values().get() == before
    assert CampaignEvent.objects.count() == events


@pytest.mark.django_db
def test_history_says_who_did_what_through_which_door(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    by = Actor(user=bob, surface=Surface.GREENARROW)

    lifecycle.submit(campaign, by=by, schedule=later())
    lifecycle.pause(campaign, by=by, reason="Wait for the editor.")

    told = [
        (event.verb, event.from_state, event.to_state, event.paused, event.by, event.surface, event.reason)
        for event in campaign.events.all()
    ]
    assert told == [
        ("create", "", "draft", False, bob, "admin", ""),
        ("submit", "draft", "scheduled", False, bob, "greenarrow", ""),
        ("pause", "scheduled", "scheduled", True, bob, "greenarrow", "Wait for the editor."),
    ]


@pytest.mark.django_db
def test_a_draft_is_held_back_only_through_greenarrow(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    through_greenarrow = acting(bob, Surface.GREENARROW)

    with pytest.raises(InvalidTransition):
        lifecycle.pause(campaign, by=acting(bob))
    lifecycle.pause(campaign, by=through_greenarrow)
    lifecycle.submit(campaign, by=through_greenarrow, schedule=later())

    assert (campaign.state, campaign.paused) == (State.SCHEDULED, True)
    assert "pause" in lifecycle.allowed(draft_campaign(organization, by=acting(bob)), bob, Surface.GREENARROW)


@pytest.mark.django_db
def test_a_draft_sent_at_once_is_scheduled_and_started_in_one_go(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))

    lifecycle.send_now(campaign, by=acting(bob))

    assert campaign.state == State.CALCULATING
    assert campaign.started_at is not None
    assert campaign.scheduled_at == campaign.started_at
    assert [event.verb for event in campaign.events.all()] == ["create", "submit", "send_now"]


@pytest.mark.django_db
def test_an_incomplete_draft_says_what_is_missing_by_field(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob), audience=[], email=None)

    for act in (lifecycle.submit, lifecycle.send_now):
        with pytest.raises(NotReady) as refusal:
            act(campaign, by=acting(bob))
        assert refusal.value.problems.keys() == {"audience", "email"}

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


@pytest.mark.django_db
def test_a_paused_campaign_is_not_sent_at_once_or_finished(walked, bob):
    scheduled = walked("scheduled")
    sending = walked("sending")
    for campaign in (scheduled, sending):
        lifecycle.pause(campaign, by=acting(bob))

    with pytest.raises(InvalidTransition, match="Resume"):
        lifecycle.send_now(scheduled, by=acting(bob))
    with pytest.raises(InvalidTransition, match="paused"):
        lifecycle.finish(sending)


@pytest.mark.django_db
@pytest.mark.parametrize("end", [lifecycle.cancel, lambda campaign, by: lifecycle.fail(campaign, reason="Gone.")])
def test_nothing_that_has_ended_is_paused(walked, end):
    campaign = walked("sending")
    by = staff(campaign.organization)
    lifecycle.pause(campaign, by=by)

    end(campaign, by=by)

    assert (campaign.paused, campaign.pause_reason) == (False, "")


@pytest.mark.django_db
def test_a_campaign_with_people_waiting_is_not_finished(walked):
    campaign = walked("sending")
    campaign.runs.update(planned=3, sent=2)

    with pytest.raises(InvalidTransition, match="1 recipients"):
        lifecycle.finish(campaign)


@pytest.mark.django_db
def test_retrying_takes_the_end_back_and_a_cancelled_run_has_one(walked):
    campaign = walked("sent")
    campaign.runs.update(planned=3, sent=2, failed=1)
    admin = staff(campaign.organization)

    lifecycle.retry_failed(campaign, by=admin)
    assert (campaign.state, campaign.finished_at, campaign.runs.get().finished_at) == (State.SENDING, None, None)

    lifecycle.cancel(campaign, by=admin)
    assert campaign.status_reason == "Cancelled by user"
    assert campaign.finished_at == campaign.runs.get().finished_at is not None


@pytest.mark.django_db
def test_without_failed_recipients_there_is_nothing_to_retry(walked):
    campaign = walked("sent")

    with pytest.raises(InvalidTransition, match="No recipient"):
        lifecycle.retry_failed(campaign, by=staff(campaign.organization))


@pytest.mark.django_db
def test_a_campaign_is_reopened_only_if_nothing_had_begun(walked):
    never_started, started = walked("cancelled"), walked("sending")
    lifecycle.cancel(started, by=staff(started.organization))

    lifecycle.reopen(never_started, by=staff(never_started.organization))
    with pytest.raises(InvalidTransition, match="copy"):
        lifecycle.reopen(started, by=staff(started.organization))

    assert never_started.state == State.DRAFT


@pytest.mark.django_db
def test_a_deleted_campaign_does_nothing_any_more(walked):
    campaign = walked("scheduled")
    by = staff(campaign.organization)
    lifecycle.delete(campaign, by=by)

    assert lifecycle.allowed(campaign, by.user) == []
    for verb in OFFERED:
        with pytest.raises(InvalidTransition, match="deleted"):
            USES[verb](campaign, by)


@pytest.mark.django_db
def test_a_reason_is_cut_to_what_can_be_kept(walked):
    campaign = walked("sending")

    lifecycle.fail(campaign, reason="x" * 1000)

    assert campaign.status_reason == campaign.events.last().reason == "x" * 500


@pytest.mark.django_db
@pytest.mark.parametrize(
    "schedule",
    [
        {"type": ScheduleType.NONE},
        {"type": ScheduleType.FUTURE},
        {"type": ScheduleType.FUTURE, "at": now().replace(tzinfo=None)},
        {"type": ScheduleType.IMMEDIATE, "tz": "Berlin"},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(schedule):
    with pytest.raises(NotReady):
        lifecycle.Schedule(**schedule)


@pytest.mark.django_db
def test_unscheduling_keeps_the_time_but_not_that_it_counts(walked, bob):
    campaign = walked("scheduled")
    at = campaign.scheduled_at

    lifecycle.unschedule(campaign, by=acting(bob))

    assert (campaign.state, campaign.schedule_type, campaign.scheduled_at) == (State.DRAFT, ScheduleType.NONE, at)


@pytest.mark.django_db
def test_reactions_run_after_the_commit_and_cannot_undo_it(bob, organization, django_capture_on_commit_callbacks):
    campaign = draft_campaign(organization, by=acting(bob))
    seen = []

    def note(campaign_id):
        seen.append(campaign_id)

    def stumble(campaign_id):
        raise RuntimeError

    react("cancel", stumble)
    react("cancel", note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.cancel(campaign, by=acting(bob))
            assert seen == []
    finally:
        del _reactions["cancel"][-2:]

    assert seen == [campaign.pk]


def test_nobody_reacts_to_a_verb_that_does_not_exist():
    with pytest.raises(KeyError):
        react("explode", print)


@pytest.mark.django_db
def test_broadsheet_itself_needs_no_permission(walked):
    campaign = walked("scheduled")

    assert lifecycle.cancel(campaign, by=SYSTEM).state == State.CANCELLED


def test_permissions_name_the_specifications_ones():
    assert {row.permission for row in TRANSITIONS.values()} - {None} < set(Permission)
