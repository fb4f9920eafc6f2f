"""Joining a list, choosing lists and leaving, in a real browser and with the real confirmation mail."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from audience.models import ConsentEvent, Subscription
from campaigns.models import CampaignRun
from content.tokens import Purpose, recipient_token
from delivery.models import InboxMessage
from tests.factories import MailingListFactory, draft_campaign

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 375, "height": 740}


@pytest.fixture
def page(chromium, live_server, inbox, settings):
    """A phone's browser; what goes wrong in it is in `page.trouble`. Mail goes to the built-in inbox."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.BASE_URL = "127.0.0.1", inbox, live_server.url
    page = chromium.new_context(base_url=live_server.url, locale="en-GB", viewport=PHONE).new_page()
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda line: page.trouble.append(line.text) if line.type == "error" else None)
    return page


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_from_the_form_to_the_preference_page_and_out(page, organization):
    weekly = MailingListFactory(organization=organization, name="Weekly letter", opt_in="double", is_public=True)
    MailingListFactory(organization=organization, name="Recipes", is_public=True)

    page.goto(f"/s/{weekly.public_id}")
    page.get_by_label("Email address").fill("ann@example.com")
    assert fits(page)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()

    page.goto(confirmation_link())
    assert Subscription.objects.get().status == "unconfirmed"
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="You are subscribed")).to_be_visible()

    page.goto(unsubscribe_link(organization))
    page.get_by_role("link", name="Choose which lists you get").click()
    page.get_by_label("Weekly letter").uncheck()
    page.get_by_label("Recipes").check()
    assert fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Saved")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Back to your choices").click()
    expect(page.get_by_label("Weekly letter")).to_be_checked()
    expect(page.get_by_label("Recipes")).not_to_be_checked()

    page.get_by_role("button", name="Unsubscribe from everything").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()

    said = list(ConsentEvent.objects.filter(list_name="Weekly letter").values_list("kind", flat=True))
    assert said == ["requested", "confirmed", "unsubscribed", "subscribed", "unsubscribed"]
    assert page.trouble == []


def confirmation_link():
    message = InboxMessage.objects.get(recipient="ann@example.com")
    assert message.organization is not None
    text = message_from_bytes(bytes(message.raw), policy=policy.default).get_content()
    return re.search(r"http\S+/confirm/\S+", text)[0]


def unsubscribe_link(organization):
    run = CampaignRun.objects.create(campaign=draft_campaign(organization, people=0))
    reader = Subscription.objects.get().subscriber_id
    return "/u/" + recipient_token(Purpose.UNSUBSCRIBE, run_id=run.pk, recipient_id=1, subscriber_id=reader)
