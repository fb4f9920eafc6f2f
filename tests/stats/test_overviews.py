"""Campaigns beside each other, what is usual, and the last days."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.models import Campaign, CampaignRun
from stats import ingest, overviews
from stats.reports import report
from stats.trends import average_for
from tests.factories import OrganizationFactory, draft_campaign
from tests.stats.populations import NINE, a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db
TODAY = NINE.date()
SCANNER = "curl/8.5.0"


def send_back(*hits):
    for each in hits:
        spool.append(each)
    ingest.ingest()


@pytest.fixture
def organization():
    return OrganizationFactory(timezone="America/New_York")


def sent(organization, *, people=4, opened=0, clicked=0, scanned=0, at=NINE, **values):
    """A campaign that was sent to its end, and what came back of it."""
    campaign = draft_campaign(organization, people=0, **values)
    run = a_run(people=people, campaign=campaign)
    Campaign.objects.filter(pk=campaign.pk).update(
        state="sent", started_at=at, finished_at=at + timedelta(minutes=1), total_recipients=people
    )
    who = list(run.recipients.all())
    send_back(
        *[hit(each) for each in who[:opened]],
        *[click(each, minutes=70) for each in who[:clicked]],
        *[hit(each, user_agent=SCANNER) for each in who[len(who) - scanned :]],
    )
    campaign.refresh_from_db()
    return campaign


# --- what is usual -----------------------------------------------------------------------------------------------


def test_each_campaign_counts_alike_whatever_its_size(organization):
    sent(organization, people=2, opened=2)
    sent(organization, people=10, opened=1, scanned=4)
    campaign = sent(organization, people=4, opened=1, at=NINE + timedelta(hours=1))

    average = report(campaign).average

    assert average.campaigns == 2
    assert average.figures["open_rate"] == pytest.approx((1.0 + 0.1) / 2)
    assert average.raw["open_rate"] == pytest.approx((1.0 + 0.5) / 2)
    assert average.differences(report(campaign).figures)["open_rate"] == pytest.approx(0.25 - 0.55)


def test_only_what_was_sent_before_of_the_same_organization_and_channel_is_usual(organization):
    campaign = sent(organization, opened=4)
    sent(organization, opened=4, at=NINE + timedelta(hours=1))  # later
    sent(OrganizationFactory(), opened=4, at=NINE - timedelta(hours=1))
    sent(organization, channel="sms", at=NINE - timedelta(hours=1))
    deleted = sent(organization, at=NINE - timedelta(hours=1))
    Campaign.objects.filter(pk=deleted.pk).update(deleted_at=NINE)
    unsent = sent(organization, at=NINE - timedelta(hours=1))
    Campaign.objects.filter(pk=unsent.pk).update(state="failed")
    nobody = sent(organization, at=NINE - timedelta(hours=1))
    CampaignRun.objects.filter(campaign=nobody).update(sent=0, failed=4)

    assert average_for(campaign).campaigns == 0
    assert average_for(campaign).differences(report(campaign).figures) == {}


def test_only_the_last_campaigns_are_usual(organization, monkeypatch):
    monkeypatch.setattr("stats.trends.CAMPAIGNS", 2)
    for place, opened in enumerate([4, 1, 3]):
        sent(organization, opened=opened, at=NINE + timedelta(hours=place))

    average = average_for(draft_campaign(organization, people=0))

    assert (average.campaigns, average.figures["open_rate"]) == (2, 0.5)


# --- beside each other -------------------------------------------------------------------------------------------


def test_campaigns_are_compared_by_the_hours_since_they_began(organization):
    early = sent(organization, opened=2, clicked=1)
    late = sent(organization, opened=1, scanned=1, at=NINE - timedelta(hours=30))

    one, other = overviews.compare([early, late])

    assert (one.campaign, one.figures.opened, other.raw.opened) == (early, 2, 2)
    assert [(each.hour, each.opened, each.clicked) for each in one.elapsed[:3]] == [(1, 0, 0), (2, 2, 0), (3, 2, 1)]
    assert [each.opened for each in other.elapsed[29:33]] == [0, 0, 1, 1]
    assert (other.elapsed[-1].opened, other.elapsed[-1].raw_opened) == (1, 2)
    assert len(one.elapsed) == overviews.HOURS_COMPARED


def test_what_was_never_started_can_be_compared(organization):
    [draft] = overviews.compare([draft_campaign(organization, people=0)])

    assert (draft.figures.sent, draft.elapsed) == (0, [])


def test_no_more_than_five_are_compared(organization, django_assert_max_num_queries):
    campaigns = [sent(organization, opened=1) for _ in range(5)]

    with django_assert_max_num_queries(4):
        assert len(overviews.compare(campaigns)) == 5
    with pytest.raises(ValueError, match="Up to 5"):
        overviews.compare([*campaigns, campaigns[0]])


# --- the last days -----------------------------------------------------------------------------------------------


def dashboard(organization, **values):
    return overviews.dashboard(Campaign.objects.of(organization), organization.timezone, today=TODAY, **values)


def test_the_last_days_and_those_before(organization):
    newest = sent(organization, opened=2, clicked=1, scanned=1)
    sent(organization, opened=1, at=NINE - timedelta(days=29))
    sent(organization, opened=4, at=NINE - timedelta(days=30))
    sent(organization, at=NINE - timedelta(days=60))
    sent(organization, channel="sms")
    sent(OrganizationFactory())

    found = dashboard(organization)

    assert (found.since, found.campaigns, found.campaigns_before) == (date(2026, 10, 23), 2, 1)
    assert (found.figures.sent, found.figures.opened, found.raw.opened) == (8, 3, 4)
    assert (found.figures.total_recipients, found.figures.open_rate) == (8, 0.375)
    assert (found.figures_before.sent, found.figures_before.open_rate) == (4, 1.0)
    assert found.best[0].campaign == newest
    assert len(found.best) == 2


def test_days_are_those_of_the_organizations_calendar(organization):
    campaign = sent(organization, people=3)
    one, two, three = campaign.runs.get().recipients.all()
    midnight = datetime.combine(TODAY, datetime.min.time(), ZoneInfo("America/New_York"))
    minutes = (midnight - NINE) // timedelta(minutes=1)
    send_back(
        hit(one, minutes=minutes - 1),
        hit(two, minutes=minutes),
        hit(three, HitKind.UNSUBSCRIBED, minutes=minutes),
        hit(three, user_agent=SCANNER, minutes=minutes),
    )

    yesterday, today = dashboard(organization, days=2).days

    assert (yesterday.day, today.day) == (TODAY - timedelta(days=1), TODAY)
    assert (yesterday.opened, today.opened, today.raw_opened, today.unsubscribed) == (1, 1, 2, 1)


def test_nothing_is_all_zeros(organization):
    found = dashboard(organization)

    assert (found.campaigns, found.figures.sent, found.best, len(found.days)) == (0, 0, [], 30)


def test_the_dashboard_costs_the_same_however_many_campaigns_there_are(organization, django_assert_max_num_queries):
    for people in (1, 30):
        sent(organization, people=people, opened=people)
        with django_assert_max_num_queries(13):
            dashboard(organization)
