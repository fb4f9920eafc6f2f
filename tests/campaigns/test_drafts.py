"""Writing a campaign: create, change, copy, and the emails and segments it uses."""

from datetime import UTC, datetime

import pytest

from audience.errors import AudienceError, InvalidRules
from campaigns import drafts, lifecycle
from campaigns.drafts import Part
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import Campaign, ScheduleType, State, Variant
from content.models import Email
from tests.conftest import acting
from tests.factories import (
    EditionFactory,
    EmailFactory,
    MailingListFactory,
    OrganizationFactory,
    SegmentFactory,
    campaign_in,
    draft_campaign,
    staff,
)

pytestmark = pytest.mark.django_db


# --- create ------------------------------------------------------------------------------------------------------


def test_a_new_campaign_is_a_draft_of_who_made_it(organization, bob):
    campaign = drafts.create(organization, by=acting(bob), name="Morning", channel="email")

    assert (campaign.state, campaign.created_by, campaign.schedule_type) == (State.DRAFT, bob, ScheduleType.NONE)
    assert campaign.public_id.startswith("cmp_")
    assert campaign.variants.count() == 1
    assert [event.verb for event in campaign.events.all()] == ["create"]


@pytest.mark.parametrize("person", ["erin", "victor", "charlie"])
def test_only_marketers_and_administrators_create(organization, person, request):
    with pytest.raises(NotAllowed):
        drafts.create(organization, by=acting(request.getfixturevalue(person)), name="Morning", channel="email")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"channel": "fax"}, "channel"),
        ({"sms_body": "x" * 1601}, "sms_body"),
        ({"state": "sent"}, "state"),
        ({"audience": [Part()]}, "audience"),
    ],
)
def test_what_cannot_be_a_campaign_is_refused_by_field_and_leaves_nothing(organization, bob, values, field):
    with pytest.raises(NotReady) as refusal:
        drafts.create(organization, by=acting(bob), **{"name": "Morning", "channel": "email", **values})

    assert refusal.value.problems.keys() == {field}
    assert not Campaign.objects.exists()


def foreign(kind):
    elsewhere = OrganizationFactory()
    match kind:
        case "edition":
            return {"edition": EditionFactory(organization=elsewhere)}
        case "email":
            return {"email": EmailFactory(organization=elsewhere)}
        case "list":
            return {"audience": [Part(mailing_list=MailingListFactory(organization=elsewhere))]}
        case "segment":
            return {"audience": [Part(segment=SegmentFactory(organization=elsewhere), excluded=True)]}


@pytest.mark.parametrize("kind", ["edition", "email", "list", "segment"])
def test_a_campaign_names_nothing_of_another_organization(organization, bob, kind):
    bob.is_superuser = True  # somebody who could see both
    bob.save()
    campaign = draft_campaign(organization, by=acting(bob))

    with pytest.raises(NotReady, match="There is no"):
        drafts.create(organization, by=acting(bob), name="Morning", channel="email", **foreign(kind))
    with pytest.raises(NotReady, match="There is no"):
        drafts.edit(campaign, by=acting(bob), **foreign(kind))


def test_the_same_list_is_not_both_in_and_out(organization, bob):
    both = MailingListFactory(organization=organization)
    parts = [Part(mailing_list=both), Part(mailing_list=both, excluded=True)]

    with pytest.raises(NotReady, match="both included and excluded"):
        drafts.create(organization, by=acting(bob), name="Morning", channel="email", audience=parts)


def test_naming_a_part_twice_keeps_it_once(organization, bob):
    part = Part(mailing_list=MailingListFactory(organization=organization))

    campaign = drafts.create(organization, by=acting(bob), name="Morning", channel="email", audience=[part, part])

    assert campaign.audience.count() == 1


# --- edit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_names_editions_and_tags_change_at_any_time(state):
    campaign = campaign_in(state)
    edition = EditionFactory(organization=campaign.organization)

    drafts.edit(campaign, by=staff(campaign.organization), name="Evening", edition=edition, tags=["News"])

    campaign.refresh_from_db()
    assert (campaign.name, campaign.edition, campaign.state) == ("Evening", edition, state)
    assert [tag.name for tag in campaign.tags.all()] == ["News"]


@pytest.mark.parametrize("state", list(State))
def test_content_and_audience_change_until_sending_begins(state):
    campaign = campaign_in(state)
    parts = [Part(mailing_list=MailingListFactory(organization=campaign.organization))]
    by = staff(campaign.organization)

    if state in (State.DRAFT, State.PENDING_APPROVAL, State.SCHEDULED):
        drafts.edit(campaign, by=by, audience=parts)
        assert campaign.audience.get().mailing_list == parts[0].mailing_list
    else:
        with pytest.raises(Locked, match=state):
            drafts.edit(campaign, by=by, audience=parts)
        assert campaign.audience.get().mailing_list != parts[0].mailing_list


@pytest.mark.parametrize("state", [State.PENDING_APPROVAL, State.SCHEDULED])
def test_the_channel_changes_only_in_a_draft(state):
    campaign = campaign_in(state)

    with pytest.raises(Locked, match="only in a draft"):
        drafts.edit(campaign, by=staff(campaign.organization), channel="sms")


@pytest.mark.parametrize("state", list(State))
def test_writing_down_again_what_is_there_is_always_fine(state):
    campaign = campaign_in(state)
    events = campaign.events.count()
    parts = [Part(mailing_list=part.mailing_list) for part in campaign.audience.all()]

    drafts.edit(
        campaign,
        by=staff(campaign.organization),
        channel="email",
        audience=parts,
        email=campaign.variants.get().email,
        scheduled_at=campaign.scheduled_at,
    )

    assert campaign.events.count() == events


def test_a_scheduled_campaign_cannot_become_incomplete(organization, bob):
    campaign = campaign_in("scheduled", organization)

    with pytest.raises(NotReady) as refusal:
        drafts.edit(campaign, by=acting(bob), audience=[], name="Nobody's")

    campaign.refresh_from_db()
    assert refusal.value.problems.keys() == {"audience"}
    assert (campaign.state, campaign.name, campaign.audience.count()) == (State.SCHEDULED, "Morning", 1)


def test_a_time_in_a_draft_counts_only_once_it_is_scheduled(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    moment = datetime(2030, 1, 1, 9, tzinfo=UTC)

    drafts.edit(campaign, by=acting(bob), scheduled_at=moment)

    campaign.refresh_from_db()
    assert (campaign.scheduled_at, campaign.schedule_type, campaign.state) == (moment, ScheduleType.NONE, State.DRAFT)
    assert not Campaign.objects.due(datetime(2031, 1, 1, tzinfo=UTC)).exists()


def test_a_scheduled_campaign_given_another_time_goes_out_then(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    lifecycle.submit(campaign, by=acting(bob))
    moment = datetime(2030, 1, 1, 9, tzinfo=UTC)

    drafts.edit(campaign, by=acting(bob), scheduled_at=moment)

    campaign.refresh_from_db()
    assert (campaign.schedule_type, campaign.scheduled_at) == (ScheduleType.FUTURE, moment)


def test_a_scheduled_campaign_needs_a_time(organization, bob):
    campaign = campaign_in("scheduled", organization)

    with pytest.raises(NotReady, match="unschedule it instead"):
        drafts.edit(campaign, by=acting(bob), scheduled_at=None)


def test_an_unknown_change_is_refused(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))

    with pytest.raises(NotReady) as refusal:
        drafts.edit(campaign, by=acting(bob), state="sent", paused=True)

    assert refusal.value.problems.keys() == {"state", "paused"}


def test_a_deleted_campaign_is_not_edited(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    lifecycle.delete(campaign, by=acting(bob))

    with pytest.raises(Locked, match="deleted"):
        drafts.edit(campaign, by=acting(bob), name="Ghost")


def test_history_names_what_was_changed(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))

    drafts.edit(campaign, by=acting(bob), email=EmailFactory(organization=organization), name="Evening")

    assert campaign.events.last().reason == "Changed email, name."


def test_an_edit_leaves_a_draft_called_ready_as_it_is(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    lifecycle.mark_ready(campaign, by=acting(bob))

    drafts.edit(campaign, by=acting(bob), sms_body="Also this")

    campaign.refresh_from_db()
    assert campaign.ready


# --- copy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_a_copy_is_a_draft_with_the_same_content_and_people_and_no_past(state):
    campaign = campaign_in(state, tags=["News"])

    twin = drafts.copy(campaign, by=staff(campaign.organization, "manager"))

    twin = Campaign.objects.get(pk=twin.pk)
    assert (twin.state, twin.paused, twin.name) == (State.DRAFT, False, "Copy of Morning")
    assert (twin.schedule_type, twin.scheduled_at, twin.started_at) == (ScheduleType.NONE, None, None)
    assert (twin.user_count, twin.approved_revision, twin.original) == (0, "", None)
    assert twin.public_id != campaign.public_id
    assert twin.audience.get().mailing_list == campaign.audience.get().mailing_list
    assert [tag.name for tag in twin.tags.all()] == ["News"]
    assert [event.verb for event in twin.events.all()] == ["copy"]


def test_changing_a_copy_leaves_the_original(organization, bob):
    campaign = campaign_in("sending", organization)
    twin = drafts.copy(campaign, by=acting(bob), name="Again")

    drafts.edit_email(twin.variants.get().email, by=acting(bob), subject="Good evening")

    assert twin.name == "Again"
    assert campaign.variants.get().email.subject == "Good morning"
    assert twin.variants.get().email.public_id != campaign.variants.get().email.public_id


def test_every_variant_is_copied(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    Variant.objects.create(
        campaign=campaign, position=1, name="B", weight=30, email=EmailFactory(organization=organization)
    )

    twin = drafts.copy(campaign, by=acting(bob))

    assert [(v.name, v.weight) for v in twin.variants.all()] == [("A", 100), ("B", 30)]
    assert campaign.variants.count() == 2


@pytest.mark.parametrize("person", ["erin", "victor", "charlie"])
def test_only_marketers_and_administrators_copy(organization, person, request):
    campaign = draft_campaign(organization)

    with pytest.raises(NotAllowed):
        drafts.copy(campaign, by=acting(request.getfixturevalue(person)))


def test_a_duplicated_email_is_new_in_all_but_what_it_says(organization, bob):
    email = EmailFactory(organization=organization, created_at=datetime(2020, 1, 1, tzinfo=UTC))

    twin = drafts.duplicate_email(email, by=acting(bob), title="Second")

    assert (twin.title, twin.subject, twin.created_by) == ("Second", email.subject, bob)
    assert twin.created_at.year > 2020
    assert Email.objects.count() == 2


# --- emails and segments that campaigns use ----------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.CALCULATING, State.SENDING, State.HOLDING])
def test_an_email_that_is_being_sent_is_locked(state):
    campaign = campaign_in(state)
    email = campaign.variants.get().email

    with pytest.raises(Locked, match="Morning is sending"):
        drafts.edit_email(email, by=staff(campaign.organization), subject="Late")

    drafts.edit_email(email, by=staff(campaign.organization), title="Its title is nobody's business")
    assert Email.objects.get().subject == "Good morning"


def test_an_email_that_was_sent_may_change_and_what_was_sent_stays():
    campaign = campaign_in("sent")

    drafts.edit_email(campaign.variants.get().email, by=staff(campaign.organization), subject="Corrected")

    assert campaign.runs.get().contents.get().subject == "Good morning"


def test_changing_an_email_is_told_to_every_campaign_that_uses_it(organization, bob):
    email = EmailFactory(organization=organization)
    campaigns = [draft_campaign(organization, by=acting(bob), email=email) for _ in range(2)]

    drafts.edit_email(email, by=acting(bob), subject="Good evening")

    for campaign in campaigns:
        assert campaign.events.last().reason == f"The email {email} was changed."
    assert set(drafts.users_of(email)) == set(campaigns)


def test_an_email_changed_through_a_form_that_filled_it_already_counts_too(organization, bob):
    campaign = campaign_in("pending_approval", organization)
    email = campaign.variants.get().email
    email.subject = "Filled in by the form"

    drafts.edit_email(email, by=acting(bob), subject="Filled in by the form")

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


@pytest.mark.parametrize(
    "changes", [{"subject": "Sale\nBcc: a@b.example"}, {"from_name": "A\rB"}, {"from_email": "no address"}]
)
def test_an_email_takes_no_header_from_anybody(organization, bob, changes):
    email = EmailFactory(organization=organization)

    with pytest.raises(NotReady):
        drafts.edit_email(email, by=acting(bob), **changes)

    email.refresh_from_db()
    assert email.subject == "Good morning"


def test_an_email_cannot_be_emptied_under_a_scheduled_campaign(organization, bob):
    campaign = campaign_in("scheduled", organization)

    with pytest.raises(NotReady):
        drafts.edit_email(campaign.variants.get().email, by=acting(bob), subject="")

    assert Email.objects.get().subject == "Good morning"


def test_a_segment_being_counted_is_locked(organization, bob):
    segment = SegmentFactory(organization=organization)
    campaign = draft_campaign(organization, by=acting(bob), audience=[Part(segment=segment)])
    lifecycle.send_now(campaign, by=acting(bob))

    with pytest.raises(Locked, match="is counting"):
        drafts.edit_segment(segment, by=acting(bob), mailing_lists=[MailingListFactory(organization=organization)])

    assert segment.mailing_lists.count() == 0


def test_a_segment_is_not_given_what_makes_no_sense(organization, bob):
    segment = SegmentFactory(organization=organization, rules={})

    for changes, error in (
        ({"rules": {"nonsense": 1}}, InvalidRules),
        ({"mailing_lists": [MailingListFactory()]}, AudienceError),
        ({"name": ""}, NotReady),
    ):
        with pytest.raises(error):
            drafts.edit_segment(segment, by=acting(bob), **changes)
        segment.refresh_from_db()

    assert (segment.rules, segment.mailing_lists.count()) == ({}, 0)


@pytest.mark.parametrize("person", ["erin", "victor", "charlie"])
def test_only_marketers_and_administrators_edit(organization, person, request):
    by = acting(request.getfixturevalue(person))
    campaign = draft_campaign(organization)

    for act in (
        lambda: drafts.edit(campaign, by=by, name="Mine"),
        lambda: drafts.edit_email(campaign.variants.get().email, by=by, subject="Mine"),
        lambda: drafts.edit_segment(SegmentFactory(organization=organization), by=by, name="Mine"),
    ):
        with pytest.raises(NotAllowed):
            act()
