from datetime import date, timedelta

import pytest

from campaigns.models import Campaign, Variant
from delivery.models import Recipient
from stats.breakdowns import bounced_or_not, largest_domains
from stats.daily import KINDS, LONGEST, OfDay, daily
from stats.figures import Figures
from stats.ingest import ingest
from stats.reports import report
from tests.factories import EmailFactory, OrganizationFactory, draft_campaign
from tests.stats.populations import NINE, a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)


def send_back(*hits):
    for each in hits:
        spool.append(each)
    ingest()


@pytest.fixture
def run():
    """Sent at 04:00 in New York, which is five hours behind: the 20th has an hour left when the first opens."""
    campaign = draft_campaign(OrganizationFactory(timezone="America/New_York"), people=0)
    Campaign.objects.filter(pk=campaign.pk).update(started_at=NINE - timedelta(days=1))
    campaign.refresh_from_db()
    return a_run(people=4, campaign=campaign)


def test_a_day_is_one_of_the_organizations_calendar(run):
    one, two, three, four = run.recipients.all()
    late = 60 * 5  # before NINE: 23:00 of the day before in New York
    send_back(hit(one, minutes=-late), hit(one), hit(two), click(three), hit(four, user_agent="curl/8.5.0"))

    days = daily(run.campaign, 3).whole["opened"]

    assert days == {FRIDAY: OfDay(1, 1), SATURDAY: OfDay(2, 3), SATURDAY + timedelta(days=1): OfDay(0, 0)}
    assert daily(run.campaign, 3, raw=True).whole["opened"][SATURDAY] == OfDay(3, 4)


def test_firsts_add_up_to_the_figures(run):
    one, two, *_ = run.recipients.all()
    for minutes in (-300, 0, 600):
        send_back(
            hit(one, minutes=minutes),
            click(two, minutes=minutes),
            hit(one, HitKind.FORWARDED, minutes=minutes),
            hit(two, HitKind.CONVERTED, data={"cents": 5}, minutes=minutes),
            hit(two, HitKind.UNSUBSCRIBED, minutes=minutes),
            hit(one, HitKind.VIEWED, minutes=minutes),
        )

    found, figures = daily(run.campaign).whole, report(run.campaign).figures

    assert list(found) == list(KINDS)
    for name, days in found.items():
        assert sum(each.unique for each in days.values()) == getattr(figures, name) > 0
        assert len(days) == 15


def test_variants_have_days_of_their_own(run):
    other = Variant.objects.create(
        campaign=run.campaign, position=1, name="B", email=EmailFactory(organization=run.campaign.organization)
    )
    last = run.recipients.last()
    Recipient.objects.filter(pk=last.pk).update(variant=other)
    send_back(hit(last), hit(run.recipients.first()))

    found = daily(run.campaign).variants

    assert {pk: each["opened"][SATURDAY] for pk, each in found.items()} == {
        other.pk: OfDay(1, 1),
        run.recipients.first().variant_id: OfDay(1, 1),
    }


def test_what_never_began_has_no_days():
    assert daily(draft_campaign(people=0)).whole == {name: {} for name in KINDS}


@pytest.mark.parametrize("days", [0, LONGEST + 1])
def test_a_span_has_limits(run, days):
    with pytest.raises(ValueError, match="From 1 to 365"):
        daily(run.campaign, days)


def test_it_is_one_query(run, django_assert_num_queries):
    campaign = Campaign.objects.select_related("organization").get(pk=run.campaign_id)

    with django_assert_num_queries(1):
        daily(campaign, 365)


def test_the_largest_domains_stand_alone_and_the_others_together(run):
    for place, recipient in enumerate(run.recipients.all()):
        domain = ["big.example", "big.example", "small.example", "tiny.example"][place]
        Recipient.objects.filter(pk=recipient.pk).update(address=f"reader{place}@{domain}")
    send_back(hit(run.recipients.last()), hit(run.recipients.first(), HitKind.BOUNCED, data={"type": "hard"}))

    big, small, rest = largest_domains(run.campaign, 2)

    assert (big.domain, big.figures.sent, big.figures.bounced_hard) == ("big.example", 2, 1)
    assert (small.domain, small.figures.sent, small.figures.opened) == ("small.example", 1, 0)
    assert (rest.domain, rest.others, rest.figures.sent, rest.figures.opened) == ("", 1, 1, 1)


def test_octeth_divides_those_sent_to_in_three():
    assert bounced_or_not(Figures(sent=10, bounced=6, bounced_hard=3, bounced_soft=2, bounced_other=1)) == (4, 3, 3)
