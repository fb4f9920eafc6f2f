"""Who did what: the filters in the address, pages by key, and files of exactly what is shown."""

import csv
import io

import openpyxl
import pytest
from django.urls import reverse

from stats.admin import activity
from stats.ingest import ingest
from tests.admin.test_report_parts import SCANNER, people_of, sent
from tests.factories import OrganizationFactory
from tests.stats.populations import click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(organization):
    """Ten people: one clicked the first link, a scanner clicked the second in the name of another, one bounced."""
    campaign = sent(organization)
    people = people_of(campaign)
    bounce = {"type": "hard", "origin": "remote", "code": "100", "key": "one"}
    hits = [
        click(people[0]),
        click(people[1], position=2, user_agent=SCANNER),
        hit(people[2], HitKind.BOUNCED, data=bounce),
    ]
    for each in hits:
        spool.append(each)
    ingest()
    return campaign


def address(campaign, name="recipients"):
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk])


def found(browser, campaign, **parameters):
    answer = browser.get(address(campaign), parameters)
    return [row["recipient"].address for row in answer.context["recipients"]]


def lines(browser, campaign, **parameters):
    answer = browser.get(address(campaign, "report_csv"), parameters)
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_programs_are_among_them_only_when_every_hit_is_asked_for(campaign, victor, login):
    browser, people = login(victor), people_of(campaign)

    assert found(browser, campaign, state="clicked") == [people[0].address]
    assert found(browser, campaign, state="clicked", hits="all") == [people[0].address, people[1].address]
    assert found(browser, campaign, link=2) == []
    assert found(browser, campaign, link=2, hits="all") == [people[1].address]


def test_a_hit_no_person_made_is_called_so(campaign, victor, login):
    page = login(victor).get(address(campaign)).content.decode()

    assert "not by a person" in page
    assert "Bounced for good" in page


@pytest.mark.parametrize(
    "parameters",
    [
        {"state": "clicked"},
        {"state": "clicked", "hits": "all"},
        {"state": "bounced_hard"},
        {"link": 2, "hits": "all"},
        {"q": "reader3@"},
        {"domain": "morning-post.example"},
        {"domain": "nowhere.example"},
    ],
)
def test_the_files_hold_exactly_what_is_filtered(campaign, victor, login, parameters):
    browser = login(victor)

    shown = found(browser, campaign, **parameters)

    assert [row["address"] for row in lines(browser, campaign, **parameters)] == shown
    answer = browser.get(address(campaign, "report_xlsx"), parameters)
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    assert [row[0].value for row in list(book.active.rows)[1:]] == shown
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')


def test_a_file_has_all_pages(campaign, victor, login):
    last = people_of(campaign)[-1].pk

    assert len(lines(login(victor), campaign, after=last)) == 10


def test_pages_are_cut_by_key_there_and_back(campaign, victor, login, monkeypatch):
    monkeypatch.setattr(activity.page_of, "__defaults__", (4,))
    browser, addresses = login(victor), [each.address for each in people_of(campaign)]

    def step(**parameters):
        shown = browser.get(address(campaign), parameters).context["shown"]
        return [each.address for each in shown.rows], shown

    first, shown = step()
    second, shown_2 = step(after=shown.later)
    third, shown_3 = step(after=shown_2.later)
    back, shown_back = step(before=shown_3.earlier)
    start, shown_start = step(before=shown_back.earlier)

    assert first + second + third == addresses
    assert (back, start) == (second, first)
    assert (shown.earlier, shown_3.later, shown_start.earlier) == (None, None, None)


def test_each_row_leads_to_its_person(campaign, victor, login):
    page = login(victor).get(address(campaign)).content.decode()

    for person in people_of(campaign):
        assert reverse("admin:audience_subscriber_change", args=[person.subscriber_id]) in page


def test_a_variant_of_another_campaign_filters_nothing_away(campaign, victor, login):
    foreign = sent(OrganizationFactory()).variants.get().pk

    assert len(found(login(victor), campaign, variant=foreign)) == 10
    assert len(found(login(victor), campaign, variant=campaign.variants.get().pk)) == 10
