"""`manage.py campaign …`, each act as a named user."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line, load_command_class
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.drafts import Part
from campaigns.models import Campaign, State
from operations.campaign_output import when
from stats.models import Counter
from tests.conftest import acting
from tests.factories import MailingListFactory, campaign_in, draft_campaign

pytestmark = pytest.mark.django_db


def run(*arguments, by="bob"):
    """What the command prints."""
    out = io.StringIO()
    call_command("campaign", *map(str, arguments), "--as", by, stdout=out)
    return out.getvalue()


def run_json(*arguments, by="bob"):
    return json.loads(run(*arguments, "--json", by=by))


@pytest.fixture
def draft(organization, bob):
    return draft_campaign(organization, by=acting(bob), name="Morning", tags=["News"])


@pytest.fixture
def pending(organization, dora, erin):
    return lifecycle.submit(draft_campaign(organization, by=acting(dora), name="Waiting"), by=acting(dora))


def state(campaign):
    campaign.refresh_from_db()
    return campaign.state


# --- list --------------------------------------------------------------------------------------------------------


def test_list_shows_campaigns_as_a_table(draft):
    printed = run("list")

    assert draft.public_id in printed
    assert "Morning" in printed
    assert "1 campaigns." in printed


def test_list_without_campaigns_says_so(bob):
    assert run("list") == "No campaigns found.\n"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], ["Waiting", "Texts", "Morning"]),
        (["--state", "draft"], ["Texts", "Morning"]),
        (["--state", "draft", "pending_approval"], ["Waiting", "Texts", "Morning"]),
        (["--channel", "sms"], ["Texts"]),
        (["--search", "morn"], ["Morning"]),
        (["--tag", "NEWS"], ["Morning"]),
        (["--organization", "morning-post"], ["Waiting", "Texts", "Morning"]),
        (["--organization", "evening-star"], []),
        (["--since", "2000-01-01", "--until", "2100-01-01"], ["Waiting", "Texts", "Morning"]),
        (["--until", "2000-01-01"], []),
        (["--date", "scheduled_at", "--since", "2000-01-01"], []),
        (["--paused"], []),
        (["--limit", "1"], ["Waiting"]),
    ],
)
def test_list_is_filtered(draft, organization, bob, filters, found, request):
    draft_campaign(organization, by=acting(bob), name="Texts", channel="sms")
    request.getfixturevalue("pending")

    assert [campaign["name"] for campaign in run_json("list", *filters)] == found


def test_a_short_list_says_how_many_there_are(draft, pending):
    assert "1 of 2 campaigns." in run("list", "--limit", 1)


def test_a_stranger_lists_nothing_of_ours(draft, charlie):
    assert run_json("list", by="charlie") == []


def test_listing_costs_the_same_for_many_campaigns(organization, bob, django_assert_max_num_queries):
    for _ in range(5):
        draft_campaign(organization, by=acting(bob), tags=["News", "Sale"])

    with django_assert_max_num_queries(4):
        run("list")


def test_what_somebody_typed_cannot_colour_the_terminal(organization, bob):
    draft = draft_campaign(organization, by=acting(bob))
    # no surface takes such a name any more; a database may hold one
    Campaign.objects.filter(pk=draft.pk).update(name="[red]Sale\x1b[31m\nnow")

    printed = run("list")

    assert "[red]Sale [31m now" in printed
    assert "\x1b" not in printed


# --- show and stats ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["public_id", "pk"])
def test_show_tells_one_campaign(draft, reference):
    shown = run_json("show", getattr(draft, reference))

    assert (shown["id"], shown["state"], shown["tags"]) == (draft.public_id, "draft", ["News"])
    assert shown["audience"] == [str(draft.audience.get())]
    assert "submit" in shown["allowed"]
    assert [event["verb"] for event in shown["history"]] == ["create"]


def test_show_tells_the_frequency_cap(organization, bob):
    campaign = draft_campaign(organization, frequency_cap_hours=24)

    assert run_json("show", campaign.public_id)["frequency_cap_hours"] == 24
    assert "24 hours" in run("show", campaign.public_id)


def test_show_prints_what_is_missing_what_can_be_done_and_the_history(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob), audience=[])

    printed = run("show", campaign.pk)

    assert "audience: Choose who gets this campaign." in printed
    assert "send-now" in printed
    assert "create" in printed


def test_stats_prints_revenue_as_an_amount(organization, bob):
    campaign = campaign_in("sending", organization)
    about = {"run": campaign.runs.get(), "variant": campaign.variants.get(), "hour": campaign.started_at}
    Counter.objects.create(**about, kind="converted", total=1, unique=1, unique_by_link=1, revenue_cents=123_450)

    assert "1,234.50" in run("stats", campaign.pk)


def test_stats_prints_figures(organization, bob):
    campaign = campaign_in("sending", organization)
    campaign.runs.update(planned=3, sent=2, failed=1)

    variant = campaign.variants.get()
    about = {"run": campaign.runs.get(), "variant": variant, "kind": "read", "hour": campaign.started_at}
    every_hit = {"total": 2, "unique": 2, "unique_by_link": 2}
    people = {"human_total": 1, "human_unique": 1, "human_unique_by_link": 1}
    Counter.objects.create(**about, **every_hit, **people)

    shown = run_json("stats", campaign.pk)

    figures, raw = shown["figures"], shown["raw"]
    assert (figures["sent"], figures["failed"], figures["opened"], figures["open_rate"]) == (2, 1, 1, 0.5)
    assert (raw["opened"], "sent" in raw) == (2, False)  # what programs cannot do is told once
    assert "Every hit" in run("stats", campaign.pk)


# --- acts --------------------------------------------------------------------------------------------------------


def test_submit_schedules_at_once(draft):
    assert f"{draft.public_id} is scheduled." in run("submit", draft.public_id)

    assert state(draft) == State.SCHEDULED
    assert (draft.schedule_type, draft.events.last().surface) == ("immediate", "command")


def test_submit_by_who_needs_approval_waits_for_it(draft, dora, erin):
    assert "is pending_approval. Awaiting approval." in run("submit", draft.pk, by="dora")


@pytest.mark.parametrize(
    ("time", "zone", "expected"),
    [
        ("2030-03-01T09:00", ["--tz", "Europe/Berlin"], datetime(2030, 3, 1, 8, tzinfo=UTC)),
        ("2030-03-01T09:00", [], datetime(2030, 3, 1, 4, tzinfo=UTC)),
        ("2030-03-01T09:00+01:00", [], datetime(2030, 3, 1, 8, tzinfo=UTC)),
        ("2030-10-27T02:30", ["--tz", "Europe/Berlin"], datetime(2030, 10, 27, 0, 30, tzinfo=UTC)),
    ],
)
def test_schedule_takes_a_time_in_a_zone(draft, organization, time, zone, expected):
    organization.timezone = "Asia/Karachi"
    organization.save()

    run("schedule", draft.pk, "--at", time, *zone)

    assert (state(draft), draft.scheduled_at) == (State.SCHEDULED, expected)
    assert draft.schedule_tz == (zone[1] if zone else "Asia/Karachi")


def test_schedule_moves_what_is_scheduled(draft):
    for day in (1, 2):
        run("schedule", draft.pk, "--at", f"2030-03-0{day}T09:00Z")

    assert (state(draft), draft.scheduled_at) == (State.SCHEDULED, datetime(2030, 3, 2, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("time", "zone", "message"),
    [
        ("2020-03-01T09:00", "UTC", "has passed"),
        ("2030-03-31T02:30", "Europe/Berlin", "There is no 02:30"),
        ("2030-03-01T09:00", "Berlin", "not an IANA time zone"),
    ],
)
def test_schedule_refuses_a_time_that_makes_no_sense(draft, time, zone, message):
    with pytest.raises(CommandError, match=message):
        run("schedule", draft.pk, "--at", time, "--tz", zone)

    assert state(draft) == State.DRAFT


def test_approve_and_reject(pending):
    with pytest.raises(CommandError, match="You may not approve"):
        run("approve", pending.pk, by="dora")
    run("reject", pending.pk, "--reason", "Wrong logo", by="erin")
    assert (state(pending), pending.status_reason) == (State.DRAFT, "Wrong logo")

    run("submit", pending.pk, by="dora")
    run("approve", pending.pk, "--reason", "Fine", by="erin")
    assert (state(pending), pending.events.last().reason) == (State.SCHEDULED, "Fine")


def test_send_starts_at_once(draft):
    answer = run_json("send", draft.pk)

    assert (answer["state"], state(draft)) == ("calculating", State.CALCULATING)
    assert answer["started_at"].endswith("Z")


def test_pause_resume_and_cancel(organization, bob):
    campaign = campaign_in("sending", organization)

    assert "is sending (paused)." in run("pause", campaign.pk, "--reason", "Wait")
    assert campaign.events.last().reason == "Wait"
    assert run_json("resume", campaign.pk)["paused"] is False
    assert "is cancelled. Cancelled by user" in run("cancel", campaign.pk)


def test_copy_answers_with_the_new_campaign(draft):
    copied = run_json("copy", draft.pk, "--name", "Second")

    assert copied["id"] != draft.public_id
    assert Campaign.objects.get(public_id=copied["id"]).name == "Second"


def test_retry_failed_is_for_administrators(organization, alice, bob):
    campaign = campaign_in("sent", organization)
    campaign.runs.update(planned=3, sent=2, failed=1)

    with pytest.raises(CommandError, match="may not retry failed"):
        run("retry-failed", campaign.pk)
    assert "is sending" in run("retry-failed", campaign.pk, by="alice")


# --- refusals ----------------------------------------------------------------------------------------------------

ACTS = [
    ("show",),
    ("submit",),
    ("approve",),
    ("reject", "--reason", "No"),
    ("schedule", "--at", "2030-03-01T09:00"),
    ("send",),
    ("pause",),
    ("resume",),
    ("cancel",),
    ("copy",),
    ("retry-failed",),
    ("variants", "--email", "eml_x"),
    ("split-test", "--plan", "wait=2"),
    ("stats",),
]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act[0])
def test_a_stranger_finds_no_campaign_of_ours(draft, charlie, act):
    verb, *options = act

    with pytest.raises(CommandError, match=f"There is no campaign {draft.public_id}"):
        run(verb, draft.public_id, *options, by="charlie")

    assert draft.events.count() == 1


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act[0])
@pytest.mark.parametrize("reference", ["cmp_nothing", "0", "9" * 40, "x"])
def test_an_unknown_campaign_is_said_to_be_one(bob, act, reference):
    verb, *options = act

    with pytest.raises(CommandError, match="There is no campaign"):
        run(verb, reference, *options)


def test_an_unknown_user_and_one_who_may_not_log_in_do_nothing(draft, bob):
    bob.is_active = False
    bob.save()

    for name in ("nobody", "bob"):
        with pytest.raises(CommandError, match=f"no active user called {name}"):
            run("list", by=name)


def test_what_is_missing_is_named_by_field(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob), audience=[], email=None)

    with pytest.raises(CommandError) as refusal:
        run("submit", campaign.pk)

    assert {line.split(":")[0] for line in str(refusal.value).splitlines()} == {"audience", "email"}


def test_a_wrong_moment_is_said_with_verb_and_state(organization, bob):
    campaign = campaign_in("sent", organization)

    with pytest.raises(CommandError, match="cannot pause in state sent"):
        run("pause", campaign.pk)


def test_acting_as_nobody_is_a_usage_error(bob):
    with pytest.raises(CommandError, match="--as"):
        call_command("campaign", "list")


def test_a_deleted_campaign_is_gone(draft, bob):
    lifecycle.delete(draft, by=acting(bob))

    with pytest.raises(CommandError, match="There is no campaign"):
        run("show", draft.pk)


def test_an_hour_that_comes_soon_is_taken(draft):
    soon = (now() + timedelta(minutes=5)).isoformat()

    assert run_json("schedule", draft.pk, "--at", soon)["schedule_type"] == "future"


def test_an_empty_audience_of_a_list_is_no_mistake(organization, bob):
    nobody = [Part(mailing_list=MailingListFactory(organization=organization))]
    campaign = draft_campaign(organization, by=acting(bob), audience=nobody)

    assert run_json("submit", campaign.pk)["state"] == "scheduled"


def test_help_names_every_act():
    printed = load_command_class("operations", "campaign").create_parser("manage.py", "campaign").format_help()

    for act in ("list", *[act[0] for act in ACTS]):
        assert f"\n    {act} " in printed


@pytest.mark.django_db(transaction=True)  # the command closes its connections when it ends
def test_a_refusal_ends_with_exit_code_one(capsys):
    with pytest.raises(SystemExit) as end:
        execute_from_command_line(["manage.py", "campaign", "show", "1", "--as", "nobody"])

    assert end.value.code == 1
    assert "There is no active user called nobody." in capsys.readouterr().err


# --- again and again ---------------------------------------------------------------------------------------------


def test_schedule_takes_a_crontab_and_upcoming_shows_what_comes_of_it(draft):
    said = run("schedule", draft.public_id, "--cron", "0 9 1 1 *", "--times", 2, "--tz", "Europe/Berlin")
    assert "scheduled" in said

    shown = run_json("show", draft.public_id)
    assert shown["recurrence"] == "On the 1st of January at 09:00, Europe/Berlin, 2 times"
    (ahead,) = run_json("upcoming", draft.public_id, "--days", 366)
    assert (ahead["name"], ahead["kind"], ahead["at"][4:]) == ("Morning", "occurrence", "-01-01T08:00:00+00:00")
    assert "01 Jan" in run("upcoming", "--days", 366)
    assert "recurring" in run("upcoming", "--days", 366)


def test_upcoming_without_anything_says_so(draft):
    assert run("upcoming") == "Nothing goes out within 30 days.\n"


def test_a_crontab_that_is_none_is_refused(draft):
    with pytest.raises(CommandError, match="five fields"):
        run("schedule", draft.public_id, "--cron", "@daily")

    assert state(draft) == State.DRAFT


def test_send_time_says_in_whose_time_it_goes_out_and_changes_it(draft):
    shown = run_json("send-time", draft.pk, "--local-time", "--expires-after", "6")
    assert (shown["local_time"], shown["expires_after_hours"], shown["expires_at"]) == (True, 6, None)
    assert [(row["zone"], row["people"]) for row in shown["zones"]] == [("", 3)]  # no time is chosen yet

    never = ("--no-local-time", "--expires-after", "0", "--expires-at", "2030-03-01T09:00")
    shown = run_json("send-time", draft.pk, *never)
    assert (shown["local_time"], shown["expires_after_hours"]) == (False, None)
    assert shown["expires_at"] == "2030-03-01T09:00:00Z"
    assert "everybody" in run("send-time", draft.pk)
    with pytest.raises(CommandError, match="expires_at"):
        run("send-time", draft.pk, "--expires-at", "soon")


def test_auto_resend_is_planned_shown_and_dropped(draft):
    assert "does not go out once more" in run("auto-resend", draft.pk)

    planned = run("auto-resend", draft.pk, "--plan", "wait_days=2", "subject=Did you see this?")
    assert "Did you see this?" in planned
    assert run_json("auto-resend", draft.pk, "--drop")["enabled"] is False
    with pytest.raises(CommandError, match="wait_days"):
        run("auto-resend", draft.pk, "--plan", "wait_days=0")


@pytest.mark.parametrize(("state", "shown"), [("scheduled", "next"), ("draft", "first"), ("sent", "first")])
def test_the_list_says_when_a_recurring_campaign_goes_out_next(state, shown):
    times = {"first": datetime(2030, 3, 1, tzinfo=UTC), "next": datetime(2030, 3, 8, tzinfo=UTC)}
    campaign = Campaign(state=state, started_at=times["first"], scheduled_at=times["next"])

    assert when(campaign) == times[shown]
