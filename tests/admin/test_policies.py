"""What browsers are told to forbid: scripts of others everywhere, and everything in the frames that show mails."""

import pytest
from django.urls import reverse

from content.admin.frames import mail_frame
from delivery.models import InboxMessage

pytestmark = pytest.mark.django_db

MAIL = (
    b"From: a@b.example\r\nTo: c@d.example\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<script>alert(1)</script><p>Hello</p>\r\n"
)


def policy_of(answer):
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {name: values for name, *values in (part.split() for part in parts if part.strip())}


def test_the_admin_runs_its_own_scripts_only(bob, login):
    policy = policy_of(login(bob).get(reverse("admin:index")))

    assert policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert policy["frame-ancestors"] == ["'self'"]
    assert policy["object-src"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]


def test_other_pages_have_the_strict_policy(client, db):
    policy = policy_of(client.get("/nothing-here/"))

    assert policy["default-src"] == ["'self'"]
    assert "script-src" not in policy
    assert "style-src" not in policy


def test_a_mail_is_shown_where_it_can_do_nothing():
    answer = mail_frame("<script>alert(1)</script>")

    policy = policy_of(answer)
    assert policy["default-src"] == ["'none'"]
    assert "script-src" not in policy
    assert "allow-scripts" not in policy["sandbox"]
    assert "allow-same-origin" not in policy["sandbox"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_message_in_the_inbox_keeps_that_policy_through_the_middleware(organization, bob, login):
    message = InboxMessage.objects.create(organization=organization, recipient="c@d.example", raw=MAIL)

    answer = login(bob).get(reverse("admin:delivery_inboxmessage_body", args=[message.pk]))

    assert policy_of(answer)["default-src"] == ["'none'"]
    assert "<p>Hello</p>" in answer.content.decode()


def test_a_message_can_be_read_and_downloaded_as_it_came(organization, bob, login):
    message = InboxMessage.objects.create(
        organization=organization, recipient="c@d.example", subject="Hello", raw=MAIL, sender="a@b.example"
    )
    browser = login(bob)

    page = browser.get(reverse("admin:delivery_inboxmessage_change", args=[message.pk])).content.decode()
    raw = browser.get(reverse("admin:delivery_inboxmessage_raw", args=[message.pk]))

    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "<script>alert(1)" not in page
    assert raw.content == MAIL
    assert raw.headers["Content-Disposition"].startswith("attachment")


def test_a_text_message_is_shown_as_text(organization, bob, login):
    raw = b"Doors open at <b>seven</b>."
    message = InboxMessage.objects.create(organization=organization, channel="sms", recipient="+4930123456", raw=raw)

    page = login(bob).get(reverse("admin:delivery_inboxmessage_change", args=[message.pk])).content.decode()

    assert "Doors open at &lt;b&gt;seven&lt;/b&gt;." in page


@pytest.mark.parametrize("name", ["change", "body", "raw"])
def test_a_strangers_message_is_not_there(organization, charlie, login, name):
    message = InboxMessage.objects.create(organization=organization, recipient="c@d.example", raw=MAIL)

    assert login(charlie).get(reverse(f"admin:delivery_inboxmessage_{name}", args=[message.pk])).status_code == 404
