"""The way in: by username or address, with limits on guessing, a second factor, and no signing up."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib import admin
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def fresh_counts():
    """Limits are counted in the cache, which outlives a test."""
    cache.clear()
    yield
    cache.clear()


def sign_in(client, login, password=PASSWORD, **extra):
    return client.post(reverse("account_login"), {"login": login, "password": password}, **extra)


def is_in(client):
    return client.get(reverse("admin:index")).status_code == 200


def test_the_admin_sends_strangers_to_the_sign_in_page_and_back(client, alice):
    address = reverse("admin:index")

    page = client.get(address, follow=True)

    assert page.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert b"<h1>Sign in</h1>" in page.content
    answer = client.post(page.request["PATH_INFO"] + "?next=" + address, {"login": "alice", "password": PASSWORD})
    assert (answer.status_code, answer.url) == (302, address)
    assert is_in(client)


@pytest.mark.parametrize("login", ["alice", "alice@staff.example", "ALICE@staff.example"])
def test_people_sign_in_by_name_or_address(client, alice, login):
    assert sign_in(client, login).status_code == 302

    assert is_in(client)


@pytest.mark.parametrize(("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_pair_is_refused_without_saying_which_was_wrong(client, alice, login, password):
    answer = sign_in(client, login, password)

    assert answer.status_code == 200
    assert b'class="error"' in answer.content
    assert not is_in(client)


def test_after_five_wrong_passwords_even_the_right_one_waits(client, alice):
    for _ in range(5):
        sign_in(client, "alice", "wrong")

    answer = sign_in(client, "alice")

    assert b"Too many failed login attempts" in answer.content
    assert not is_in(client)


def test_wrong_passwords_for_one_account_do_not_lock_another(client, alice, bob):
    for _ in range(5):
        sign_in(client, "alice", "wrong")

    assert sign_in(client, "bob").status_code == 302


def test_the_count_of_one_account_holds_from_every_address(client, alice):
    for host in range(5):
        sign_in(client, "alice", "wrong", REMOTE_ADDR=f"192.0.2.{host}")

    assert b"Too many failed" in sign_in(client, "alice", REMOTE_ADDR="192.0.2.99").content


def test_one_address_cannot_try_many_accounts(client, alice):
    for number in range(10):
        sign_in(client, f"guess{number}", "wrong")

    assert b"Too many failed" in sign_in(client, "alice").content
    assert sign_in(client, "alice", REMOTE_ADDR="198.51.100.1").status_code == 302


def test_a_forged_forwarded_for_is_no_new_address(client, alice):
    for number in range(10):
        sign_in(client, f"guess{number}", "wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")

    assert b"Too many failed" in sign_in(client, "alice", HTTP_X_FORWARDED_FOR="203.0.113.99").content


def test_behind_a_trusted_proxy_each_client_counts_for_itself(client, alice, settings):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    for number in range(10):
        sign_in(client, f"guess{number}", "wrong", HTTP_X_FORWARDED_FOR="203.0.113.1")

    assert sign_in(client, "alice", HTTP_X_FORWARDED_FOR="203.0.113.2").status_code == 302


def test_hammering_the_page_is_answered_with_429(client, alice, settings):
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "3/m/ip"}
    for _ in range(3):
        sign_in(client, "", "")

    answer = sign_in(client, "alice")

    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content


def test_who_was_locked_out_of_the_organization_does_not_get_in(client, alice):
    alice.is_active = False
    alice.save()

    sign_in(client, "alice")

    assert not is_in(client)


def test_nobody_signs_up(client, db):
    page = client.get(reverse("account_signup"))
    client.post(reverse("account_signup"), {"username": "eve", "email": "eve@x.example", "password1": "Gr4nite-hill"})

    assert b"made by administrators" in page.content
    assert sign_in(client, "eve", "Gr4nite-hill").status_code == 200


@pytest.mark.parametrize("name", ["account_email", "account_email_verification_sent"])
def test_nobody_takes_an_address_by_themselves(client, alice, name):
    client.force_login(alice)

    assert client.get(reverse(name)).status_code == 404
    assert client.post(reverse(name), {"email": "boss@x.example", "action_add": ""}).status_code == 404


def test_a_signed_in_session_of_a_test_reaches_the_admin(client, alice):
    client.force_login(alice)

    assert is_in(client)


def test_somebody_who_is_no_staff_is_refused_by_the_admin(client, alice):
    alice.is_staff = False
    alice.save()
    client.force_login(alice)

    assert client.get(reverse("admin:index"), follow=True).status_code == 403


def test_signing_out_is_a_post(client, alice):
    client.force_login(alice)

    client.get(reverse("account_logout"))
    assert is_in(client)
    client.post(reverse("account_logout"))

    assert not is_in(client)


def test_a_forgotten_password_is_replaced_by_mail(client, alice):
    client.post(reverse("account_reset_password"), {"email": alice.email})

    (message,) = mail.outbox
    (link,) = re.findall(r"http://testserver(/account/password/reset/key/\S+)", message.body)
    form = client.get(link, follow=True)
    new = {"password1": "Gr4nite-hill", "password2": "Gr4nite-hill"}
    client.post(form.request["PATH_INFO"], new)
    assert sign_in(client, "alice", "Gr4nite-hill").status_code == 302


def test_a_reset_for_nobody_looks_the_same(client, alice):
    answers = [
        client.post(reverse("account_reset_password"), {"email": address})
        for address in (alice.email, "nobody@x.example")
    ]

    assert answers[0].url == answers[1].url


# --- the second factor -------------------------------------------------------------------------------------------


def code_for(secret):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


@pytest.fixture
def with_app(client, alice):
    """Alice, with an authenticator app set up through the pages; its secret."""
    sign_in(client, "alice")
    assert client.get(reverse("mfa_activate_totp")).url.startswith(reverse("account_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    assert "data:" in page.headers["Content-Security-Policy"]  # or the code to scan would not show
    secret = page.context["form"].secret
    client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)})
    assert Authenticator.objects.filter(user=alice, type="totp").exists()
    client.post(reverse("account_logout"))
    cache.clear()  # a code counts once; the next one would come half a minute later
    return secret


def test_a_password_alone_is_not_enough_with_an_app(client, with_app):
    answer = sign_in(client, "alice")

    assert answer.url == reverse("mfa_authenticate")
    assert not is_in(client)


def test_the_code_of_the_app_lets_in(client, with_app):
    sign_in(client, "alice")

    client.post(reverse("mfa_authenticate"), {"code": code_for(with_app)})

    assert is_in(client)


def test_a_wrong_code_does_not_and_guessing_is_limited(client, with_app):
    sign_in(client, "alice")
    wrong = "000000" if code_for(with_app) != "000000" else "111111"
    for _ in range(5):
        client.post(reverse("mfa_authenticate"), {"code": wrong})

    answer = client.post(reverse("mfa_authenticate"), {"code": code_for(with_app)})

    assert b"Too many failed" in answer.content
    assert not is_in(client)


def test_a_recovery_code_lets_in_once(client, alice, with_app):
    codes = Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes()
    sign_in(client, "alice")
    client.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_in(client)
    client.post(reverse("account_logout"))

    sign_in(client, "alice")
    client.post(reverse("mfa_authenticate"), {"code": codes[0]})

    assert not is_in(client)


@pytest.mark.parametrize(
    "name",
    ["mfa_index", "account_change_password", "account_logout", "account_reauthenticate", "mfa_activate_totp"],
)
def test_pages_about_ones_own_account_are_drawn(client, alice, name):
    sign_in(client, "alice")
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    answer = client.get(reverse(name))

    assert answer.status_code == 200
    assert b"broadsheet/account.css" in answer.content
    assert b"Two-factor authentication" in answer.content


def test_no_page_offers_to_sign_up(client):
    for page in ("account_login", "account_reset_password"):
        assert reverse("account_signup").encode() not in client.get(reverse(page)).content


def test_what_the_login_keeps_is_not_shown_in_the_admin():
    assert not [model for model in admin.site._registry if model.__module__.startswith("allauth.")]
