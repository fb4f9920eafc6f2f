from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from campaigns import drafts, lifecycle
from campaigns.models import Campaign
from tests.conftest import acting
from tests.factories import OrganizationFactory, campaign_in, draft_campaign, staff

pytestmark = pytest.mark.django_db


def names(campaigns):
    return sorted(campaign.name for campaign in campaigns)


@pytest.fixture
def tagged(organization, bob):
    for name, tags in {"Both": ["News", "Sale"], "News only": ["News"], "Plain": []}.items():
        draft_campaign(organization, by=acting(bob), name=name, tags=tags)


@pytest.mark.parametrize(
    ("wanted", "every", "found"),
    [
        (["news"], False, ["Both", "News only"]),
        (["NEWS", "sale"], False, ["Both", "News only"]),
        (["news", "sale"], True, ["Both"]),
        (["unknown"], False, []),
        (["unknown", "sale"], False, ["Both"]),
        ([], False, []),
        ([], True, ["Both", "News only", "Plain"]),
    ],
)
def test_campaigns_are_found_by_their_tags(tagged, wanted, every, found):
    assert names(Campaign.objects.tagged(wanted, every=every)) == found


def test_a_tag_is_found_by_its_public_id_too(tagged, organization):
    sale = organization.tags.get(name="Sale")

    assert names(Campaign.objects.tagged([sale.public_id])) == ["Both"]


def test_a_campaign_with_several_of_the_tags_is_found_once(tagged):
    assert Campaign.objects.tagged(["news", "sale"]).count() == 2


@pytest.mark.parametrize(("keyword", "found"), [("MORN", ["Morning"]), ("", ["Evening", "Morning"]), ("%", [])])
def test_campaigns_are_found_by_a_part_of_their_name(organization, keyword, found):
    for name in ("Morning", "Evening"):
        draft_campaign(organization, name=name)

    assert names(Campaign.objects.search(keyword)) == found


def test_a_campaign_is_found_by_its_public_id(organization):
    campaign, _ = draft_campaign(organization), draft_campaign(organization)

    assert Campaign.objects.search(f" {campaign.public_id} ").get() == campaign


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [(None, None, 3), (2, None, 2), (2, 3, 1), (None, 2, 1), (4, None, 0)],
)
def test_campaigns_are_found_by_date_from_the_start_until_before_the_end(organization, start, end, found):
    for day in (1, 2, 3):
        campaign = draft_campaign(organization)
        drafts.edit(campaign, by=staff(organization), scheduled_at=datetime(2030, 1, day, tzinfo=UTC))
    bounds = [day and datetime(2030, 1, day, tzinfo=UTC) for day in (start, end)]

    assert Campaign.objects.between(*bounds, date="scheduled_at").count() == found


def test_only_dates_of_a_campaign_can_be_asked_for():
    with pytest.raises(ValueError, match="organization"):
        Campaign.objects.between(None, None, date="organization__created_at")


def test_deleted_campaigns_are_kept_out():
    campaign = campaign_in("draft")
    lifecycle.delete(campaign, by=staff(campaign.organization))

    assert not Campaign.objects.kept().exists()


def test_due_is_what_waits_for_a_time_that_has_come(organization):
    campaign_in("draft", organization)
    soon = campaign_in("scheduled", organization)

    assert not Campaign.objects.due(now()).exists()
    assert Campaign.objects.due(now() + timedelta(days=2)).get() == soon


@pytest.fixture
def waiting(organization, dora):
    campaign = draft_campaign(organization, by=acting(dora))
    campaign_in("draft", organization)
    campaign_in("pending_approval", OrganizationFactory())
    return lifecycle.submit(campaign, by=acting(dora))


@pytest.mark.parametrize(
    ("person", "sees"),
    [("erin", True), ("alice", True), ("bob", False), ("dora", False), ("victor", False), ("charlie", False)],
)
def test_approvers_find_what_waits_for_them(waiting, person, sees, request):
    found = Campaign.objects.waiting_for(request.getfixturevalue(person))

    assert list(found) == ([waiting] if sees else [])


def test_nobody_waits_for_their_own_approval(organization, alice):
    organization.approval = "always"
    organization.save()
    campaign = lifecycle.submit(draft_campaign(organization, by=acting(alice)), by=acting(alice))

    assert not Campaign.objects.waiting_for(alice).exists()
    organization.four_eyes = False
    organization.save()
    assert Campaign.objects.waiting_for(alice).get() == campaign


def test_a_superuser_finds_what_waits_anywhere(waiting, bob):
    bob.is_superuser = True
    bob.save()

    assert Campaign.objects.waiting_for(bob).count() == 2


def test_counts_add_up_over_runs_without_a_query_each(organization, django_assert_num_queries):
    for name, sent in (("One", 2), ("Two", 3)):
        campaign = campaign_in("sending", organization, name=name)
        campaign.runs.update(planned=5, sent=sent, failed=1)
        campaign.runs.create(number=2, planned=5, sent=1)
    campaign_in("draft", organization, name="Three")

    with django_assert_num_queries(1):
        counts = {each.name: (each.sent_count, each.failed_count) for each in Campaign.objects.with_counts()}

    assert counts == {"One": (3, 1), "Two": (4, 1), "Three": (0, 0)}
