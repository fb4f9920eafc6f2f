"""Who is mailed about an approval, when, and that no name can do harm in a header."""

import socket
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.db import transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns import drafts, lifecycle, notices, tasks
from campaigns.models import Campaign
from tests.conftest import acting
from tests.factories import EmailFactory, MembershipFactory, draft_campaign

pytestmark = pytest.mark.django_db
NINE = datetime(2030, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def after_commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def campaign(organization, dora, erin):
    return draft_campaign(organization, by=acting(dora), name="Spring offers")


def submit(campaign, by, schedule=None):
    return lifecycle.submit(campaign, by=acting(by), schedule=schedule or lifecycle.at(NINE, "Europe/Berlin"))


def receivers():
    return sorted(address for message in mail.outbox for address in message.to)


def test_approvers_are_mailed_one_by_one_after_the_commit(campaign, dora, erin, alice, bob, victor, after_commit):
    with after_commit():
        submit(campaign, dora)
        assert mail.outbox == []

    assert receivers() == [alice.email, erin.email]
    assert [len(message.recipients()) for message in mail.outbox] == [1, 1]


def test_the_mail_says_what_it_is_about_and_where_to_decide(campaign, dora, after_commit, settings):
    settings.BASE_URL = "https://mail.example"

    with after_commit():
        submit(campaign, dora)

    (message,) = mail.outbox
    page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert message.subject == "Please approve: Spring offers"
    assert message.content_subtype == "plain"
    for part in (
        "dora asks for your approval",
        "“Spring offers” of Morning Post",
        "Subject:   Good morning",
        "2030-03-01 09:00 Europe/Berlin",
        f"https://mail.example{page}\n",
    ):
        assert part in message.body
    organization = campaign.organization
    assert message.extra_headers["Feedback-ID"] == (
        f"approval:{campaign.public_id}:{organization.public_id}:broadsheet"
    )
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_campaign_without_a_time_goes_out_at_once(campaign, dora, after_commit):
    with after_commit():
        submit(campaign, dora, lifecycle.IMMEDIATELY)

    assert "as soon as it is approved" in mail.outbox[0].body


def test_who_submitted_is_not_asked_to_approve_it(organization, alice, erin, after_commit):
    organization.approval = "always"
    organization.save()
    campaign = draft_campaign(organization, by=acting(alice))

    with after_commit():
        submit(campaign, alice)

    assert receivers() == [erin.email]


def test_nobody_is_mailed_when_no_approval_is_needed(organization, bob, erin, after_commit):
    campaign = draft_campaign(organization, by=acting(bob))

    with after_commit():
        submit(campaign, bob)

    assert mail.outbox == []


def test_a_voided_approval_asks_again_and_names_what_changed(campaign, dora, erin, after_commit):
    submit(campaign, dora)
    lifecycle.approve(campaign, by=acting(erin))

    with after_commit():
        drafts.edit_email(campaign.variants.get().email, by=acting(dora), subject="Other")

    (message,) = mail.outbox
    assert "Changed since it was last submitted: Subject\n" in message.body


def test_the_clock_asks_again_too(campaign, dora, erin, after_commit):
    submit(campaign, dora)
    lifecycle.approve(campaign, by=acting(erin))
    campaign.variants.get().email.__class__.objects.update(subject="Behind the back")

    with after_commit():
        lifecycle.start(campaign, at=NINE)

    assert receivers() == [erin.email]


def test_a_submission_that_is_taken_back_mails_nobody(campaign, dora, after_commit):
    with after_commit(), transaction.atomic():
        submit(campaign, dora)
        transaction.set_rollback(True)

    assert mail.outbox == []


def test_the_submitter_is_told_who_rejected_and_why(campaign, dora, erin, after_commit):
    submit(campaign, dora)

    with after_commit():
        lifecycle.reject(campaign, by=acting(erin), reason="Wrong logo.\nSee page two.")

    (message,) = mail.outbox
    assert (message.to, message.subject) == ([dora.email], "Rejected: Spring offers")
    assert "erin rejected the campaign" in message.body
    assert "Wrong logo.\nSee page two." in message.body


def test_the_submitter_is_told_of_an_approval(campaign, dora, erin, after_commit):
    submit(campaign, dora)

    with after_commit():
        lifecycle.approve(campaign, by=acting(erin))

    (message,) = mail.outbox
    assert (message.to, message.subject) == ([dora.email], "Approved: Spring offers")
    assert "2030-03-01 09:00 Europe/Berlin" in message.body


def test_people_without_an_address_or_without_access_are_left_out(organization, dora, after_commit):
    MembershipFactory(organization=organization, role="approver", user__email="")
    MembershipFactory(organization=organization, role="approver", user__is_active=False)
    campaign = draft_campaign(organization, by=acting(dora))

    with after_commit():
        submit(campaign, dora)

    assert mail.outbox == []


def test_an_approver_is_not_asked_about_what_was_decided_meanwhile(campaign, dora, erin):
    submit(campaign, dora)
    lifecycle.withdraw(campaign, by=acting(dora))

    tasks.notify_approver(campaign.pk, erin.pk)

    assert mail.outbox == []


NASTY = "Sale\r\nBcc: everybody@example.com\r\n\r\nBuy\x00\u2028now"


def test_a_name_cannot_add_a_header_or_a_receiver(organization, dora, erin, after_commit):
    dora.first_name = "Dora\r\nBcc: a@b.example"
    dora.save()
    campaign = draft_campaign(organization, by=acting(dora))
    Campaign.objects.update(name=NASTY.replace("\x00", ""))  # PostgreSQL keeps no NUL

    with after_commit():
        submit(campaign, dora)

    (message,) = mail.outbox
    parsed = message_from_bytes(message.message().as_bytes(), policy=policy.default)
    assert parsed["Bcc"] is None
    assert parsed["Subject"] == "Please approve: Sale Bcc: everybody@example.com Buy now"
    assert message.recipients() == [erin.email]


@given(st.text())
def test_one_line_is_one_line_and_short(text):
    line = notices.one_line(text)

    assert len(line) <= 100
    assert line.splitlines() in ([], [line])
    assert not any(ord(character) < 32 or ord(character) == 127 for character in line)


class Letterbox:
    def __init__(self):
        self.letters = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def relay(settings):
    letterbox = Letterbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(letterbox, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield letterbox
    controller.stop()


def test_the_mail_leaves_by_smtp(relay, campaign, dora, erin, after_commit):
    with after_commit():
        submit(campaign, dora)

    ((to, letter),) = relay.letters
    assert to == [erin.email]
    assert letter["Subject"] == "Please approve: Spring offers"
    assert letter["Feedback-ID"].strip().startswith("approval:cmp_")
    assert letter.get_content_type() == "text/plain"


def test_a_relay_that_is_away_keeps_no_campaign_from_being_submitted(campaign, dora, after_commit, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    with after_commit():
        submit(campaign, dora)

    campaign.refresh_from_db()
    assert campaign.state == "pending_approval"


def test_a_campaign_of_several_kinds_of_audience_names_them(organization, dora, erin, after_commit):
    campaign = draft_campaign(organization, by=acting(dora), email=EmailFactory(organization=organization))
    audience = str(campaign.audience.get())

    with after_commit():
        submit(campaign, dora)

    assert f"Audience:  {audience}\n" in mail.outbox[0].body
