"""Up to five campaigns beside each other, by an address that can be handed on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from stats.ingest import ingest
from tests.admin.test_report_parts import people_of, sent
from tests.factories import OrganizationFactory, draft_campaign
from tests.stats.populations import hit
from tracking import spool

pytestmark = pytest.mark.django_db


@pytest.fixture
def compared(victor, login):
    """The page as a viewer gets it for these campaigns."""

    def opened(*campaigns, **parameters):
        ids = [getattr(each, "pk", each) for each in campaigns]
        return login(victor).get(reverse("admin:campaigns_campaign_compare"), {"id": ids, **parameters})

    return opened


def read_by(campaign, people):
    for person in people_of(campaign)[:people]:
        spool.append(replace(hit(person), at=campaign.started_at + timedelta(minutes=5)))
    ingest()


def test_figures_stand_in_columns_and_the_best_rate_is_named(organization, compared):
    low, high = sent(organization, name="Low", days=2), sent(organization, name="High", days=3)
    read_by(low, 2)
    read_by(high, 5)

    answer = compared(low, high)

    lines = {definition.name: values for definition, values in answer.context["table"]}
    assert lines["opened"] == [("2", False), ("5", False)]
    assert lines["open_rate"] == [("20.0 %", False), ("50.0 %", True)]
    assert "converted" not in lines  # nobody has
    page = answer.content.decode()
    assert page.index("Low") < page.index("High")


def test_curves_begin_at_each_start_and_end_today(organization, compared):
    old, new = sent(organization, days=5, name="Old"), sent(organization, days=0, name="New")
    read_by(old, 5)

    curve = compared(old, new).context["curves"][0]

    old_line, new_line = (line["values"] for line in curve["chart"]["series"])
    assert (old_line[-1], len(old_line)) == (0.5, 72)
    assert new_line[0] == 0.0
    assert new_line[5] is None  # nobody can know yet
    assert curve["rows"][71][1] == [5, None]


def test_six_are_refused_and_can_be_unticked(organization, compared):
    answer = compared(*[sent(organization, people=1, name=f"Number {n}") for n in range(6)])

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Up to 5 campaigns can be compared, and these are 6." in page
    assert page.count(" checked") == 6
    assert answer.context["found"] == []


def test_campaigns_of_others_are_told_of_and_not_shown(organization, compared):
    mine, other = sent(organization, name="Mine"), sent(organization, name="Also mine")
    foreign = sent(OrganizationFactory(), name="Moonlight letter")

    page = compared(mine, foreign, other).content.decode()

    assert "1 of the campaigns cannot be found" in page
    assert "Moonlight" not in page
    assert "Also mine" in page


@pytest.mark.parametrize("ids", [["x"], ["9" * 30], ["0", "-1"]])
def test_nonsense_is_no_campaign(compared, ids):
    answer = compared(*ids)

    assert answer.status_code == 200
    assert "cannot be found" in answer.content.decode()


def test_a_draft_cannot_be_compared_yet(organization, compared):
    page = compared(draft_campaign(organization, people=0, name="Half done")).content.decode()

    assert "“Half done” has not been sent yet." in page


def test_before_anything_was_sent_the_page_says_what_will_be_here(organization, compared):
    assert "Nothing to compare yet" in compared().content.decode()


def test_campaigns_ticked_in_the_list_lead_here(organization, victor, login):
    one, two = sent(organization, name="One"), sent(organization, name="Two")
    chosen = {"action": "compare", ACTION_CHECKBOX_NAME: [one.pk, two.pk]}

    answer = login(victor).post(reverse("admin:campaigns_campaign_changelist"), chosen, follow=True)

    assert {each.campaign for each in answer.context["found"]} == {one, two}


def test_the_list_offers_nothing_else_to_do_with_many(organization, alice, login):
    sent(organization)

    answer = login(alice).get(reverse("admin:campaigns_campaign_changelist"))

    assert [name for name, _ in answer.context["action_form"].fields["action"].choices if name] == ["compare"]


def test_the_number_of_queries_does_not_grow_with_the_campaigns(organization, victor, login):
    campaigns = [sent(organization, people=2, name=f"Number {n}") for n in range(5)]
    browser = login(victor)

    def queries(count):
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse("admin:campaigns_campaign_compare"), {"id": [each.pk for each in campaigns[:count]]})
        return len(captured)

    queries(2)
    assert queries(5) <= queries(2) <= 20


def test_today_is_the_end_of_a_curve(organization, compared):
    campaign = sent(organization, days=1)

    line = compared(campaign, sent(organization, days=9)).context["curves"][0]["chart"]["series"][0]["values"]

    begun = (now() - campaign.started_at) // timedelta(hours=1) + 1
    assert [value is None for value in line] == [hour >= begun for hour in range(72)]
