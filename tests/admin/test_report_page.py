"""A campaign's report and its people, as pages and as a file."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from campaigns.templatetags.campaign_words import coming
from delivery.models import Recipient
from stats.ingest import ingest
from tests.factories import campaign_in, draft_campaign
from tests.stats.populations import a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(organization):
    """Sent to ten: four opened, two of them clicked, one unsubscribed, one bounced, one failed."""
    campaign = campaign_in("sending", organization, people=0)
    run = a_run(10, number=2, campaign=campaign)
    people = list(run.recipients.order_by("pk"))
    Recipient.objects.filter(pk=people[9].pk).update(state="failed", reply_code=550, reply_text="No such user here")
    run.sent, run.failed = 9, 1
    run.save()
    hits = [hit(person, minutes=number) for number, person in enumerate(people[:4])]
    hits += [click(people[0], minutes=5), click(people[1], position=2, minutes=90), click(people[1], position=2)]
    hits += [hit(people[2], HitKind.UNSUBSCRIBED), hit(people[8], HitKind.BOUNCED)]
    for each in hits:
        spool.append(each)
    ingest(limit=100)
    return campaign


def address(campaign, name):
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk])


def test_the_report_shows_figures_with_what_they_mean(campaign, bob, login):
    answer = login(bob).get(address(campaign, "report"))

    tiles = {tile.definition.name: (tile.count, tile.rate) for tile in answer.context["tiles"]}
    assert tiles["delivered"] == (8, 0.8889)
    assert tiles["opened"] == (4, 0.5)
    assert tiles["clicked"] == (2, 0.25)
    assert tiles["unsubscribed"] == (1, 0.125)
    page = answer.content.decode()
    assert "50.0 %" in page
    assert "Recipients who loaded the tracking pixel, clicked a link or viewed the web version." in page


def test_the_title_names_the_campaign(campaign, bob, login):
    page = login(bob).get(address(campaign, "report")).content.decode()

    title = " ".join(page.partition("<title>")[2].partition("</title>")[0].split())
    assert title.startswith(f"{campaign.name} | Report")


def test_the_chart_has_a_table_with_the_same_numbers(campaign, bob, login):
    answer = login(bob).get(address(campaign, "report"))

    lines = [line["values"] for line in answer.context["chart"]["series"]]
    assert [sum(values) for values in lines] == [
        4,
        5,
        2,
        3,
    ]  # opened, opens (one is implied by a click), clicked, clicks
    assert [counts for *_, counts in answer.context["steps"]] == [list(step) for step in zip(*lines, strict=True)]
    assert "The numbers as a table" in answer.content.decode()


def test_links_are_listed_with_their_people(campaign, bob, login):
    answer = login(bob).get(address(campaign, "report"))

    counts = {link.row.url: (link.people, link.clicks, link.share) for link in answer.context["links"]}
    assert counts["https://example.com/2"] == (1, 2, 0.5)  # two people clicked something


def test_before_anything_is_sent_the_report_says_so(organization, bob, login):
    page = login(bob).get(address(draft_campaign(organization, people=0), "report")).content.decode()

    assert "Nothing to report yet" in page


def test_people_are_found_by_what_they_did_and_by_address(campaign, bob, login):
    browser = login(bob)

    def shown(**parameters):
        return len(browser.get(address(campaign, "recipients"), parameters).context["recipients"])

    assert shown() == 10
    assert shown(state="opened") == 4
    assert shown(state="failed") == 1
    assert shown(state="not_opened") == 5
    assert shown(link=2) == 1
    assert shown(q="reader3@") == 1
    assert shown(state="nonsense") == 10


def test_a_failure_is_shown_with_the_answer_of_the_other_side(campaign, bob, login):
    page = login(bob).get(address(campaign, "recipients"), {"state": "failed"}).content.decode()

    assert "550 No such user here" in page


def test_only_administrators_are_offered_the_retry(campaign, bob, alice, login):
    from campaigns import lifecycle

    run = campaign.runs.last()
    run.planned = run.sent + run.failed
    run.save()
    lifecycle.finish(campaign)

    assert "Retry failed…" in login(alice).get(address(campaign, "recipients")).content.decode()
    assert "Retry failed…" not in login(bob).get(address(campaign, "recipients")).content.decode()


def test_the_file_has_everybody_who_fits(campaign, bob, login):
    answer = login(bob).get(address(campaign, "report_csv"), {"state": "clicked"})

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) == 2
    assert {row["state"] for row in rows} == {"sent"}
    assert all(row["clicked_at"] for row in rows)
    assert "morning-clicked.csv" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "name",
    ["report", "report_map", "report_csv", "report_xlsx", "recipients", "progress", "estimate", "change"],
)
def test_a_stranger_finds_nothing(campaign, charlie, login, name):
    assert login(charlie).get(address(campaign, name)).status_code == 404


@pytest.mark.parametrize("name", ["report", "recipients"])
def test_the_number_of_queries_does_not_grow_with_the_people(campaign, bob, login, name):
    browser = login(bob)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            browser.get(address(campaign, name))
        return len(captured)

    queries()
    few = queries()
    a_run(30, number=3, campaign=campaign)

    assert queries() <= few
    assert few <= 30


def test_progress_adds_up_and_reloads_the_page_when_the_state_has_changed(campaign, bob, login):
    browser = login(bob)

    same = browser.get(address(campaign, "progress"), {"was": "sending:False"})
    moved = browser.get(address(campaign, "progress"), {"was": "calculating:False"})

    numbers = same.context["progress"]
    assert numbers.planned == numbers.sent + numbers.failed + numbers.skipped + numbers.in_doubt + numbers.pending
    assert "HX-Refresh" not in same.headers
    assert moved.headers["HX-Refresh"] == "true"
    assert "<html" not in same.content.decode()


def test_a_try_that_is_due_comes_any_moment():
    assert coming(now() - timedelta(seconds=1)) == "any moment now"
    assert coming(now() + timedelta(minutes=3, seconds=5)).replace("\xa0", " ") == "3 minutes from now"
