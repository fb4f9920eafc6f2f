"""A split test on its campaign's page: the plan, the race, the choice, the decision."""

import pytest
from django.urls import reverse
from django.utils.timezone import now

from campaigns.models import State
from splittests import course
from splittests.models import SplitTestRun
from splittests.tasks import go_on
from tests.factories import draft_campaign, staff
from tests.splittests.test_course import opened_by, planned, sent_to, started

pytestmark = pytest.mark.django_db


def address(campaign, name, *more):
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk, *more])


def race_of(client, campaign):
    return client.get(address(campaign, "race")).content.decode()


@pytest.fixture
def waits(organization):
    """A campaign whose sample is out, where B is ahead and nothing is clear."""
    campaign = planned(organization=organization, when_unclear="ask")
    run = started(campaign)
    sent_to(run)
    course.hold(run)
    opened_by(run, 2, 3)
    campaign.refresh_from_db()
    return campaign


def decide(client, campaign, **given):
    url = address(campaign, "transition", "release")
    assert client.get(url).status_code == 200
    names = {each.name: each.pk for each in campaign.variants.all()}
    given["choice"] = names.get(given["choice"], given["choice"])
    answer = client.post(url, given, follow=True)
    campaign.refresh_from_db()
    return answer.content.decode()


def test_a_campaign_without_a_test_shows_nothing_of_one(organization, bob, login):
    campaign = draft_campaign(organization)
    client = login(bob)

    assert 'id="race"' not in client.get(address(campaign, "change")).content.decode()
    assert race_of(client, campaign).strip() == ""


def test_what_will_happen_is_told_before_it_does(organization, bob, login):
    campaign = planned(organization=organization, wait=1, wait_unit="days", when_unclear="ask")
    client = login(bob)

    assert 'id="race"' in client.get(address(campaign, "change")).content.decode()
    shown = race_of(client, campaign)
    assert "50 % of those who get it are the sample" in shown
    assert "1 day later they are compared by unique opens" in shown
    assert "none is the best with 95.0 %, somebody is asked" in shown
    assert "every 10s" not in shown


def test_the_race_is_live_while_the_campaign_waits(waits, victor, login):
    shown = race_of(login(victor), waits)

    assert "every 10s" in shown
    assert "40.0 %" in shown
    assert "60.0 %" in shown
    assert shown.count("Ahead") == 1
    assert "a lead of 5.0% counts" in shown or "are asked" in shown


def test_somebody_chooses_with_a_reason(waits, bob, login):
    client = login(bob)
    assert "Say why you choose this one." in decide(client, waits, choice="A")
    assert waits.state == State.HOLDING

    decide(client, waits, choice="A", reason="B has <b>mistakes</b>.")

    assert waits.state == State.SENDING
    assert SplitTestRun.objects.get().chosen.name == "A"
    shown = race_of(client, waits)
    assert "chosen by bob" in shown
    assert "B has &lt;b&gt;mistakes&lt;/b&gt;." in shown
    assert "every 10s" not in shown


def test_what_can_be_chosen_says_how_it_stands(waits, bob, login):
    shown = login(bob).get(address(waits, "transition", "release")).content.decode()

    assert "What the figures so far say: no clear difference, so nothing goes out yet" in shown
    assert "A: Good morning – 40.0 %, the best with" in shown


def test_figures_that_say_nothing_leave_it_to_somebody(waits, bob, login):
    client = login(bob)

    assert "Nothing is clear yet" in decide(client, waits, choice="figures")
    assert waits.state == State.HOLDING

    SplitTestRun.objects.update(due_at=now())
    decide(client, waits, choice="figures")
    assert "Somebody has to choose." in race_of(client, waits)


def test_figures_that_are_clear_decide(waits, bob, login):
    opened_by(waits.runs.get(), 0, 5)
    SplitTestRun.objects.filter().update(due_at=now())
    waits.split_test.when_unclear = "leader"
    waits.split_test.save()

    decide(login(bob), waits, choice="figures")

    assert SplitTestRun.objects.get().chosen.name == "B"
    assert not waits.runs.get().recipients.filter(state="pending", variant=waits.variants.get(name="A")).exists()


def test_a_release_without_a_choice_moves_nothing(waits, bob, login):
    assert login(bob).post(address(waits, "transition", "release"), {"choice": "Z"}).status_code == 422
    waits.refresh_from_db()
    assert waits.state == State.HOLDING


def test_a_viewer_looks_on(waits, victor, login):
    login(victor).post(
        address(waits, "transition", "release"), {"choice": waits.variants.get(name="A").pk, "reason": "Me."}
    )

    waits.refresh_from_db()
    assert waits.state == State.HOLDING


def test_a_stranger_sees_no_race(waits, charlie, login):
    assert login(charlie).get(address(waits, "race")).status_code == 404


def test_the_race_has_a_chart_and_its_table(waits, victor, login):
    client = login(victor)
    assert "canvas" not in client.get(address(waits, "race_chart")).content.decode()
    go_on()

    shown = client.get(address(waits, "race_chart")).content.decode()

    assert shown.count("<canvas") == 2
    assert "every 60s" in shown
    assert '"unit": "share"' in shown
    assert '<th scope="col" class="bs-right">B best with</th>' in shown
    assert "60.0 %" in shown
    assert "charts.js" in client.get(address(waits, "change")).content.decode()


def test_the_report_holds_the_samples_against_each_other_and_says_who_went_to_the_rest(waits, bob, login):
    run = waits.runs.get()
    opened_by(run, 0, 5)
    course.choose(SplitTestRun.objects.get(), waits.variants.get(name="B"), by=staff(waits.organization), reason="It.")
    go_on()
    sent_to(run)

    shown = " ".join(login(bob).get(address(waits, "report")).content.decode().split())

    assert "in the sample, when B was chosen" in shown
    assert "B went to 10 people more" in shown
    assert shown.count("Sent to the rest") == 2
    assert shown.count('<th scope="col">Difference</th>') == 1
    sample, until_now = shown.split("Until now")
    assert "60.0 points above A" in sample
    assert "points above" not in until_now


def test_who_is_asked_sees_it_on_the_first_page_and_on_the_campaigns(waits, bob, login):
    client = login(bob)
    assert "waits for a choice" not in client.get(reverse("admin:index")).content.decode()
    SplitTestRun.objects.update(due_at=now())
    go_on()

    assert "waits for a choice" in client.get(reverse("admin:index")).content.decode()
    assert "The rest waits until somebody chooses." in client.get(address(waits, "change")).content.decode()

    decide(client, waits, choice="B", reason="It is friendlier.")
    assert "waits for a choice" not in client.get(reverse("admin:index")).content.decode()
    assert "sent B to the rest" in client.get(address(waits, "change")).content.decode()
