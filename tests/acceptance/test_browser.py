"""The main job as people do it, in a real browser: write, submit, approve, send through real SMTP, read the report."""

import re
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import connections
from playwright.sync_api import expect

from campaigns.models import Campaign, State
from campaigns.tasks import start_due
from delivery.models import InboxMessage
from stats.ingest import ingest
from tests.factories import EditionFactory, MailingListFactory, SubscriptionFactory
from tracking.endpoints import TrackingApplication

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def readers(organization):
    """Three people on a list, one of whom has unsubscribed."""
    EditionFactory(organization=organization, name="Berlin", from_name="Morning Post", from_email="post@news.example")
    mailing_list = MailingListFactory(organization=organization, name="Daily briefing")
    for name in ("anna", "ben"):
        SubscriptionFactory(mailing_list=mailing_list, subscriber__email=f"{name}@example.com")
    gone = {"status": "unsubscribed", "unsubscribed_at": "2026-01-01T00:00Z"}
    SubscriptionFactory(mailing_list=mailing_list, subscriber__email="clara@example.com", **gone)
    return mailing_list


def test_a_campaign_from_login_to_its_report(readers, dora, erin, inbox, worker, log_in, settings):
    settings.TOO_SOON_SECONDS = 0  # this reader clicks faster than people do
    page = log_in(dora)
    write_a_campaign(page)
    write_its_email(page)
    submit_it(page)

    approver = log_in(erin)
    approve_it(approver)
    in_a_thread(start_due)  # the clock's next tick

    campaign = Campaign.objects.get()
    assert campaign.state == State.SENT
    assert {message.recipient for message in InboxMessage.objects.all()} == {"anna@example.com", "ben@example.com"}

    follow_a_link(InboxMessage.objects.get(recipient="anna@example.com"))
    read_the_report(page)
    assert page.trouble == []
    assert approver.trouble == []


def in_a_thread(act):
    """Delivery has an event loop of its own, and Playwright's is in this thread."""

    def run():
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result(30)


def write_a_campaign(page):
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name", exact=False).first.fill("November letter")
    page.get_by_label("Edition").select_option(label="Berlin")
    page.get_by_text("Write a new email").click()
    page.get_by_role("group", name="Send to").get_by_label("Daily briefing").check()
    expect(page.get_by_text("people would get it")).to_be_visible()
    expect(page.get_by_text("unsubscribed")).to_be_visible()
    page.get_by_role("button", name="Create draft").click()


def write_its_email(page):
    expect(page.get_by_label("Sender address")).to_have_value("post@news.example")
    page.get_by_label("Subject").fill("Fog, and what lies behind it")
    preview = page.frame_locator("iframe[title='Preview of the email']")
    expect(preview.get_by_role("heading", name="A headline people want to read")).to_be_visible()
    expect(page.get_by_label("Preview", exact=True).get_by_text("Fog, and what lies behind it")).to_be_visible()
    page.get_by_role("button", name="Save and go to the campaign").click()


def submit_it(page):
    expect(page.get_by_role("heading", name="Ready to go")).to_be_visible()
    page.get_by_role("link", name="Schedule…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 people")).to_be_visible()
    dialog.get_by_role("button", name="Submit for approval").click()
    expect(page.get_by_text("waits for an approver now")).to_be_visible()


def approve_it(page):
    expect(page.get_by_role("heading", name="1 campaign waits for you")).to_be_visible()
    expect(page.get_by_text("Fog, and what lies behind it").first).to_be_visible()
    page.get_by_role("link", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 people")).to_be_visible()
    dialog.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("You approved “November letter”.")).to_be_visible()


def follow_a_link(message):
    """As a mail program does: through the endpoint in front of Django, then into the figures."""
    html = message_from_bytes(bytes(message.raw), policy=policy.default).get_body(("html",)).get_content()
    environ = {"PATH_INFO": re.search(r"(/c/[^\"']+)", html).group(1), "HTTP_USER_AGENT": "Mozilla/5.0 Firefox/130.0"}
    setup_testing_defaults(environ)
    answers = []
    list(TrackingApplication(None)(environ, lambda status, headers: answers.append((status, dict(headers)))))
    assert answers[0][0].startswith("302")
    assert answers[0][1]["Location"] == "https://example.com/"
    ingest(limit=100)


def walk_along_the_chart(page):
    """By keyboard: what the tooltip shows is said, and a line that is switched on is said too."""
    chart = page.get_by_role("img", name="Opens and clicks over time")
    page.wait_for_function("canvas => window.Chart && Chart.getChart(canvas)", arg=chart.element_handle())  # drawn
    chart.press("ArrowRight")
    expect(page.locator("[data-chart-said]")).to_contain_text("Opened 1, Clicked 1")
    page.get_by_role("button", name="Clicks in all").press("Enter")
    chart.press("ArrowRight")
    expect(page.locator("[data-chart-said]")).to_contain_text("Clicks in all 1")


def read_the_report(page):
    page.reload()
    expect(page.get_by_role("heading", name="Sent", exact=True)).to_be_visible()
    page.get_by_role("link", name="See the report").click()
    figures = page.get_by_label("Figures")
    expect(figures.get_by_text("2 people of 2 sent")).to_be_visible()
    expect(figures.get_by_text("50.0 %").first).to_be_visible()
    expect(page.get_by_role("cell", name="https://example.com/")).to_be_visible()
    walk_along_the_chart(page)
    page.get_by_role("link", name="Recipients").click()
    expect(page.get_by_role("link", name="anna@example.com")).to_be_visible()
    expect(page.get_by_role("cell", name="unsubscribed")).to_be_visible()
