"""Logging in as Octeth's clients do, and one's keys."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache

from accounts.models import ApiKey, CommandSession
from tests.api.octeth.conftest import Wire, key_of


@pytest.fixture(autouse=True)
def _nobody_guessed_before():
    cache.clear()


def log_in(wire, **changes):
    return wire("User.Login", **{"Username": "bob", "Password": "correct horse", **changes})


@pytest.mark.parametrize("name", ["bob", "bob@staff.example"])
def test_a_name_and_a_password_give_a_session(anybody, bob, organization, name):
    answer = log_in(anybody, Username=name, RememberMe="true", DisableCaptcha="true", SessionID="")

    assert answer["Success"] is True
    assert answer["ErrorCode"] == 0
    assert answer["UserInfo"]["UserID"] == organization.pk
    assert "Password" not in answer["UserInfo"]
    assert len(answer["SessionID"]) == 40
    assert anybody("user.current", SessionID=answer["SessionID"])["UserInfo"]["Username"] == "bob"


def test_a_session_is_stored_only_as_a_hash(anybody, bob):
    answer = log_in(anybody)

    assert answer["SessionID"] not in CommandSession.objects.get().digest


@pytest.mark.parametrize(
    ("sent", "codes", "texts"),
    [
        ({"Username": "", "Password": ""}, [1, 2], ["Username is missing", "Password is missing"]),
        ({"Username": ""}, [1], ["Username is missing"]),
        ({"Password": "wrong"}, [3], ["Invalid login information"]),
        ({"Username": "nobody"}, [3], ["Invalid login information"]),
        ({"PasswordEncrypted": "true"}, [3], ["Invalid login information"]),
        ({"APIKey": "wrong", "Username": ""}, [3], ["Invalid login information"]),
    ],
)
def test_a_login_that_fails_lists_its_codes(anybody, bob, sent, codes, texts):
    assert log_in(anybody, **sent) == {"Success": False, "ErrorCode": codes, "ErrorText": texts}


def test_a_key_logs_in_too_and_counts_how_often(bob):
    key = key_of(bob)

    assert Wire()("user.login", APIKey=key)["UserInfo"]["Username"] == "bob"
    assert ApiKey.objects.get().logins == 1


def test_guessing_ends_after_a_few_attempts(anybody, bob):
    for _ in range(6):
        log_in(anybody, Password="wrong")

    assert log_in(anybody)["ErrorCode"] == [3]


def test_a_second_factor_is_asked_for(anybody, bob):
    Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"})
    codes = RecoveryCodes.activate(bob).get_unused_codes()

    assert log_in(anybody)["ErrorCode"] == [101]
    assert log_in(anybody, TFACode="000000")["ErrorCode"] == [101]
    assert log_in(anybody, TFARecoveryCode=codes[0])["Success"] is True
    assert log_in(anybody, TFARecoveryCode=codes[0])["ErrorCode"] == [101]


def test_logging_out_ends_the_session(anybody, bob):
    session = log_in(anybody)["SessionID"]

    assert anybody("User.Logout", SessionID=session)["Success"] is True
    assert anybody("user.current", SessionID=session)["ErrorCode"] == 99998


def test_only_an_administrator_logs_in_as_one(anybody, alice, bob):
    answer = anybody("Admin.Login", Username="alice", Password="correct horse")

    assert answer["AdminInfo"]["Username"] == "alice"
    assert anybody("Admin.Login", Username="bob", Password="correct horse")["ErrorCode"] == [3]


def test_who_one_is_names_role_permissions_and_trust(wire, admin_wire):
    marketer, administrator = (each("user.current")["UserInfo"] for each in (wire, admin_wire))

    assert marketer["ReputationLevel"] == "Trusted"
    assert "Campaign.Create" in marketer["GroupInfo"]["Permissions"].split(",")
    assert administrator["GroupInfo"]["Permissions"] == "*"
    assert marketer["GroupInfo"] == marketer["GroupInformation"]


def test_keys_are_made_shown_once_listed_and_revoked(wire):
    made = wire.v1("user.apikey", Note="shop", BoundIPAddress="192.0.2.1").json()
    listed = wire.v1("user.apikeys", method="get").json()["APIKeys"]
    row = next(each for each in listed if each["APIKeyID"] == made["APIKeyID"])

    assert made["APIKey"]["APIKey"].startswith("bs_")
    assert (row["Note"], row["BoundIPAddress"]) == ("shop", "192.0.2.1")
    assert made["APIKey"]["APIKey"] not in str(listed)
    assert wire.v1("user.apikey.delete", APIKeyID=made["APIKeyID"]).json()["Success"] is True
    assert ApiKey.objects.get(pk=made["APIKeyID"]).revoked_at


def test_nobody_revokes_the_key_of_somebody_else(wire, admin_wire, alice):
    other = ApiKey.objects.get(membership__user=alice)

    answer = wire("user.apikey.delete", APIKeyID=other.pk)

    assert answer["Errors"] == [{"Code": 2, "Message": "API key not found"}]
    assert ApiKey.objects.get(pk=other.pk).revoked_at is None
