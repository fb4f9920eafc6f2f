"""The last thirty days on the first page."""

import pytest
from django.urls import reverse

from stats.admin.dashboard import LIMITS
from stats.figures import Figures
from stats.ingest import ingest
from tests.admin.test_report_parts import SCANNER, people_of, sent
from tests.factories import OrganizationFactory
from tests.stats.populations import hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(bob, login):
    def opened(**parameters):
        answer = login(bob).get(reverse("admin:index"), parameters)
        return answer.context, answer.content.decode()

    return opened


def send_back(*found):
    for each in found:
        spool.append(each)
    ingest()


def changes(context):
    return {each.definition.name: each for each in context["changes"]}


def test_these_days_are_held_against_those_before(organization, home):
    latest, before = sent(organization, days=3), sent(organization, days=40)
    send_back(*[hit(each) for each in people_of(latest)[:4]], hit(people_of(before)[0]))

    found = changes(home()[0])
    assert (found["sent"].value, found["sent"].more) == ("10", "in 1 campaign")
    assert found["sent"].trend.words == "As many as in the 30 days before"
    assert found["open_rate"].value == "40.0 %"
    assert found["open_rate"].trend.words == "Better: 30.0 points above the 30 days before of 10.0 %"


def test_every_hit_is_shown_when_asked_for(organization, home):
    campaign = sent(organization, days=3)
    first, second, *_ = people_of(campaign)
    send_back(hit(first), hit(second, user_agent=SCANNER))

    assert changes(home()[0])["open_rate"].more == "1 person"
    assert changes(home(hits="all")[0])["open_rate"].more == "2 people"


def test_others_campaigns_are_not_counted(organization, home):
    sent(organization, days=3)
    sent(OrganizationFactory(), people=500, days=3, name="Moonlight letter")

    context, page = home()

    assert changes(context)["sent"].value == "10"
    assert "Moonlight" not in page


def test_the_best_come_first_and_can_be_compared(organization, home):
    dull, good = sent(organization, days=3, name="Dull"), sent(organization, days=4, name="Good")
    send_back(*[hit(each) for each in people_of(good)[:5]], hit(people_of(dull)[0]))

    context, page = home()

    assert [campaign.name for campaign, _ in context["best"]] == ["Good", "Dull"]
    assert f"id={good.pk}&amp;id={dull.pk}" in page


def test_bounces_and_complaints_are_judged_in_words(organization, home):
    campaign = sent(organization, days=3)
    first = people_of(campaign)[0]
    data = {"type": "hard", "origin": "remote", "code": "100", "key": "one"}
    send_back(hit(first, HitKind.BOUNCED, data=data))

    verdicts = {each.label: each for each in home()[0]["verdicts"]}

    assert verdicts["Bounce rate"].word == "Act"
    assert verdicts["Complaint rate"].word == "Good"


def test_limits_are_in_order_and_about_rates_there_are():
    assert all(0 < each.watch < each.act < 1 and hasattr(Figures(), each.name) for each in LIMITS)


def test_text_messages_have_days_of_their_own(organization, home):
    sent(organization, days=3)
    sent(organization, days=3, channel="sms", people=4)

    context, _ = home(channel="sms")

    assert changes(context)["sent"].value == "4"
    assert "open_rate" not in changes(context)
    assert changes(home()[0])["sent"].value == "10"
    assert changes(home(channel="nonsense")[0])["sent"].value == "10"


def test_when_nothing_was_sent_lately_the_page_says_what_will_be_here(organization, home):
    sent(organization, days=100)

    context, page = home()

    assert context["last_days"].campaigns == 0
    assert "Nothing was sent in the last 30 days" in page


def test_an_approver_is_not_bothered_with_it(organization, erin, login):
    sent(organization, days=3)

    assert "last_days" not in login(erin).get(reverse("admin:index")).context
