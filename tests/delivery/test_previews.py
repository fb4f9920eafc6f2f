import email
import email.policy
import re

import pytest
from django.utils.timezone import now

from audience.errors import InvalidAddress
from audience.models import CustomField, Subscription
from campaigns.errors import NotAllowed, NotReady
from campaigns.models import CampaignRun
from content.errors import ContentError
from content.models import Email
from delivery import previews
from delivery.errors import CannotSend
from delivery.models import InboxMessage, Recipient
from delivery.retries import Accepted, Rejected
from tests.delivery.servers import Mailbox
from tests.factories import EmailFactory, SubscriberFactory, draft_campaign, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    campaign = draft_campaign(people=1)
    CustomField.objects.create(organization=campaign.organization, key="first_name", name="First name")
    Email.objects.update(
        subject="Hello {{ first_name }}",
        html="<p>Hi {{ first_name|default('reader') }}: <a href='https://example.com/'>read</a> "
        "<a href='{{ unsubscribe_url }}'>leave</a></p>",
    )
    return campaign


def test_a_preview_shows_what_one_person_would_see(campaign):
    ann = SubscriberFactory(organization=campaign.organization, fields={"first_name": "Ann"})

    seen = previews.preview(campaign, ann)

    assert seen.subject == "Hello Ann"
    assert "Hi Ann" in seen.html
    assert "Hi Ann" in seen.text
    assert seen.sms is None


def test_a_preview_uses_the_fields_of_a_list(campaign):
    subscription = Subscription.objects.get()
    Subscription.objects.update(fields={"first_name": "Ben"})

    assert previews.preview(campaign, subscription.subscriber).subject == "Hello Ben"


OCTETH = {
    "merge_language": "octeth",
    "subject": "{{ uppercase Subscriber:FirstName }} of {{ List:Name }}",
    "from_name": "{{ User:CompanyName }}",
    "html": "<p>{{ Campaign:Name }} %Date=Y%</p><a href='%Link:Unsubscribe%'>leave</a>",
}
GREENARROW = {
    "merge_language": "greenarrow",
    "subject": "%%First Name%% of %%mailing_list_name%%",
    "from_name": "%%data_from_email%%",
    "html": "<p>%%data_campaign_name%% %%data_current_year%%</p><a href='%%unsubscribe_link%%'>leave</a>",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("written", "name"), [(OCTETH, "ANN"), (GREENARROW, "Ann")])
def test_the_languages_of_others_know_the_list_and_the_campaign(campaign, mail_relay, written, name):
    Email.objects.update(**written)
    subscription = Subscription.objects.select_related("mailing_list", "subscriber").get()
    ann = subscription.subscriber
    ann.fields = {"first_name": "Ann"}

    seen = previews.preview(campaign, ann)
    with mail_relay(Mailbox()) as mailbox:
        previews.send_test(campaign, ["desk@staff.example"], by=staff(campaign.organization), subscriber=ann)
    arrived = email.message_from_bytes(mailbox.mails[0][2], policy=email.policy.default)

    assert seen.subject == f"{name} of {subscription.mailing_list}"
    assert f"{campaign.name} {now().year}" in seen.html
    assert "/u/" in seen.html
    assert arrived["subject"] == f"[Test] {seen.subject}"
    assert seen.from_name in arrived["from"]
    assert campaign.name in arrived.get_body(("html",)).get_content()


def test_a_preview_without_a_person_shows_the_defaults(campaign):
    assert "Hi reader" in previews.preview(campaign).html


def test_a_preview_counts_nothing_and_its_links_are_nobodys(campaign):
    seen = previews.preview(campaign, SubscriberFactory(organization=campaign.organization))

    assert "/o/" not in seen.html
    assert "/c/" not in seen.html
    assert 'href="https://example.com/"' in seen.html


def test_an_email_that_is_not_saved_yet_can_be_previewed(organization):
    typed = Email(organization=organization, subject="Hi", html="<p>x</p>", merge_language="broadsheet")

    assert previews.preview(typed).subject == "Hi"


def test_an_sms_preview_says_what_it_costs():
    campaign = draft_campaign(channel="sms", sms_body="Hello " + "x" * 160)

    seen = previews.preview(campaign)

    assert seen.text == "Hello " + "x" * 160
    assert seen.sms.parts == 2


def test_a_campaign_without_content_has_an_empty_preview():
    assert previews.preview(draft_campaign(email=None)) == previews.Preview()


def test_a_broken_template_is_said(campaign):
    Email.objects.update(html="<p>{% if %}</p>")

    with pytest.raises(ContentError):
        previews.preview(campaign)


# --- tests --------------------------------------------------------------------------------------------------------


def test_a_test_is_really_sent_marked_untracked_and_counted_nowhere(campaign, mail_relay):
    bob = staff(campaign.organization, "manager")
    ann = SubscriberFactory(organization=campaign.organization, fields={"first_name": "Ann"})

    with mail_relay(Mailbox()) as mailbox:
        outcomes = previews.send_test(campaign, ["Bob@Staff.example", "eve@staff.example"], by=bob, subscriber=ann)

    assert {address: type(outcome) for address, outcome in outcomes.items()} == {
        "bob@staff.example": Accepted,
        "eve@staff.example": Accepted,
    }
    mail = email.message_from_bytes(mailbox.mails[0][2], policy=email.policy.default)
    assert mail["Subject"] == "[Test] Hello Ann"
    html = mail.get_body(("html",)).get_content()
    assert "/o/" not in html
    assert "/c/" not in html
    assert campaign.organization.public_id in mail["Feedback-ID"]
    assert (CampaignRun.objects.count(), Recipient.objects.count()) == (0, 0)


def test_where_a_test_comes_back_to_is_an_address(campaign, mail_relay, settings):
    settings.BOUNCE_ADDRESS = "bounces+*@news.example"

    with mail_relay(Mailbox()) as mailbox:
        previews.send_test(campaign, ["bob@staff.example"], by=staff(campaign.organization))

    sender = mailbox.mails[0][0]
    assert re.fullmatch(r"bounces\+[a-z2-7]+@news\.example", sender)


def test_a_test_that_some_refuse_says_which(campaign, mail_relay):
    with mail_relay(Mailbox(rcpt={"gone@example.com": "550 5.1.1 No"})):
        outcomes = previews.send_test(
            campaign, ["gone@example.com", "ann@example.com"], by=staff(campaign.organization)
        )

    assert outcomes["gone@example.com"] == Rejected(550, "5.1.1 No")
    assert isinstance(outcomes["ann@example.com"], Accepted)


def test_a_test_that_all_refuse_is_an_error_with_the_reply(campaign, mail_relay):
    with (
        mail_relay(Mailbox(rcpt={"gone@example.com": "550 5.1.1 No"})),
        pytest.raises(CannotSend, match=r"gone@example.com: 550 5.1.1 No"),
    ):
        previews.send_test(campaign, ["gone@example.com"], by=staff(campaign.organization))


def test_a_test_without_a_relay_is_an_error_that_says_so(campaign, settings):
    settings.SMTP_PORT = 1

    with pytest.raises(CannotSend, match="connection refused"):
        previews.send_test(campaign, ["ann@example.com"], by=staff(campaign.organization))


@pytest.mark.parametrize(
    ("addresses", "error"),
    [
        ([], NotReady),
        (["not an address"], InvalidAddress),
        (["ann@example.com\r\nBcc: eve@example.com"], InvalidAddress),
        ([f"a{number}@example.com" for number in range(11)], NotReady),
    ],
)
def test_a_test_goes_to_a_few_addresses_that_are_addresses(campaign, addresses, error):
    with pytest.raises(error):
        previews.send_test(campaign, addresses, by=staff(campaign.organization))


def test_a_viewer_sends_no_tests(campaign):
    with pytest.raises(NotAllowed):
        previews.send_test(campaign, ["ann@example.com"], by=staff(campaign.organization, "viewer"))


def test_a_test_of_nothing_asks_for_an_email():
    campaign = draft_campaign(email=None)

    with pytest.raises(NotReady):
        previews.send_test(campaign, ["ann@example.com"], by=staff(campaign.organization))


@pytest.mark.django_db(transaction=True)
def test_a_test_of_an_sms_lands_in_the_inbox():
    campaign = draft_campaign(channel="sms", sms_body="Hello")

    previews.send_test(campaign, ["+49 30 123456"], by=staff(campaign.organization))

    kept = InboxMessage.objects.get()
    assert (kept.recipient, bytes(kept.raw)) == ("+4930123456", b"[Test] Hello")


@pytest.mark.django_db(transaction=True)
def test_a_test_of_an_email_alone_can_be_sent(mail_relay):
    content = EmailFactory()

    with mail_relay(Mailbox()) as mailbox:
        previews.send_test(content, ["ann@example.com"], by=staff(content.organization))

    assert len(mailbox.mails) == 1
