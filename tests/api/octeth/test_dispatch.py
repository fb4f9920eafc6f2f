"""Which command it is, who may use it, how often; and what is said before a command is reached."""

import pytest
from django.core.cache import cache
from django.utils.timezone import now

from accounts import keys, sessions
from accounts.actors import SYSTEM
from accounts.models import ApiKey, CommandSession, Membership
from api.octeth.registry import COMMANDS, Access, Command, Limit, Shapes
from tests.api.octeth.conftest import Wire, key_of

UNKNOWN = {
    "Success": False,
    "ErrorCode": 100003,
    "ErrorText": 'Invalid API command: "nope" not found.',
    "Errors": [{"Code": 100003, "Message": 'Invalid API command: "nope" not found.'}],
}
NOT_LOGGED_IN = {
    "Success": False,
    "ErrorCode": 99998,
    "ErrorText": "Authentication failure or session expired",
}


def test_an_unknown_command_is_named(anybody):
    answer = anybody.send("nope")

    assert (answer.status_code, answer.json()) == (400, UNKNOWN)
    assert anybody.v1("nope").json() == UNKNOWN


def test_an_unknown_command_is_named_in_xml_where_xml_is_asked_for(anybody):
    answer = anybody.send("nope", ResponseFormat="XML")

    assert answer.status_code == 400
    assert "<ErrorCode><![CDATA[100003]]></ErrorCode>" in answer.content.decode()


def test_a_broken_body_is_told_in_json(anybody):
    answer = anybody.client.post("/api.php?ResponseFormat=XML", '{"Command":', content_type="application/json")

    assert (answer.status_code, answer.json()["ErrorCode"]) == (400, 100000)


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(anybody, method):
    answer = getattr(anybody.client, method)("/api.php?Command=tags.get")

    assert (answer.status_code, answer.json()["ErrorCode"]) == (400, 100001)


@pytest.mark.parametrize("spelled", ["user.current", "User.Current", "USER.CURRENT"])
def test_commands_are_known_in_any_case_through_every_door(wire, spelled):
    by_get = wire.client.get("/api.php", {"command": spelled, "apikey": wire.key}).json()

    assert wire(spelled)["Success"] is by_get["Success"] is wire.v1(spelled).json()["Success"] is True
    assert wire.client.post("/api.php/", {"Command": spelled, "APIKey": wire.key}).json()["Success"] is True


# --- credentials -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credential", [{}, {"APIKey": "wrong"}, {"SessionID": "0"}, {"SessionID": "x" * 40}])
def test_without_a_credential_that_holds_nothing_is_done(anybody, credential):
    answer = anybody.send("user.current", **credential)

    assert (answer.status_code, answer.json()) == (200, NOT_LOGGED_IN)


def test_an_expired_session_is_told_alike_and_on_v1_with_the_errors_too(anybody, bob):
    session = sessions.issue(Membership.objects.get(user=bob))
    CommandSession.objects.update(last_used_at="2001-01-01T00:00Z")

    assert anybody("user.current", SessionID=session) == NOT_LOGGED_IN
    assert anybody.v1("user.current", SessionID=session).json()["Errors"][0]["Code"] == 99998


def test_a_stale_session_does_not_defeat_a_key_beside_it(wire):
    assert wire("user.current", SessionID="stale")["Success"] is True


def test_a_key_or_a_session_may_stand_in_the_header(anybody, bob):
    session = sessions.issue(Membership.objects.get(user=bob))
    for plain in (key_of(bob), session):
        answer = anybody.client.get("/api/v1/user.current", HTTP_AUTHORIZATION=f"Bearer {plain}")
        assert answer.json()["UserInfo"]["Username"] == "bob"


def test_a_cookie_alone_opens_nothing(anybody, bob):
    anybody.client.cookies["PHPSESSID"] = sessions.issue(Membership.objects.get(user=bob))

    assert anybody("user.current") == NOT_LOGGED_IN


def test_a_key_bound_to_an_address_works_only_from_there(anybody, bob):
    _, plain = keys.issue(Membership.objects.get(user=bob), name="x", by=SYSTEM, bound_ip="192.0.2.7")
    url = f"/api.php?Command=user.current&APIKey={plain}"

    assert anybody.client.get(url).json() == NOT_LOGGED_IN
    assert anybody.client.get(url, REMOTE_ADDR="192.0.2.7").json()["Success"] is True


def test_a_revoked_key_and_a_key_of_somebody_who_left_open_nothing(wire, bob):
    bob.is_active = False
    bob.save()

    assert wire("user.current") == NOT_LOGGED_IN


# --- permissions and limits, with commands of this test ------------------------------------------------------------


@pytest.fixture
def ours(monkeypatch):
    """Register a command for one test."""

    def register(name, handler=lambda call: {}, **details):
        monkeypatch.setitem(COMMANDS, name, Command(name=name, handler=handler, shapes=Shapes(), **details))

    cache.clear()
    return register


def test_an_administrators_command_takes_an_administrators_credential(wire, admin_wire, ours):
    ours("admin.try", access=Access.ADMIN)

    assert wire("admin.try") == {"Success": False, "ErrorCode": 99999, "ErrorText": "Not enough privileges"}
    assert admin_wire("admin.try")["Success"] is True
    assert Wire()("admin.try", AdminAPIKey=admin_wire.key)["Success"] is True


def test_a_session_of_a_person_is_not_an_administrators(alice, anybody, ours):
    ours("admin.try", access=Access.ADMIN)
    membership = Membership.objects.get(user=alice)

    assert anybody("admin.try", SessionID=sessions.issue(membership))["ErrorCode"] == 99999
    assert anybody("admin.try", SessionID=sessions.issue(membership, is_admin=True))["Success"] is True


def test_who_lacks_the_permission_is_told_so(victor, ours):
    ours("try.it", permission="Campaign.Create")

    assert Wire(key_of(victor))("try.it")["ErrorCode"] == 99999


def test_what_nobody_foresaw_says_nothing_of_the_inside_and_changes_nothing(wire, ours, bob):
    def fail(call):
        ApiKey.objects.update(name="changed")
        raise RuntimeError("secret")

    ours("try.it", handler=fail, writes=True)
    answer = wire.send("try.it")

    assert (answer.status_code, answer.json()["ErrorCode"]) == (500, 100005)
    assert b"secret" not in answer.content
    assert not ApiKey.objects.filter(name="changed").exists()


def test_who_asks_too_often_is_told_when_to_come_back(wire, ours):
    ours("try.it", limit=Limit(2, 3600))

    assert [wire.send("try.it").status_code for _ in range(3)] == [200, 200, 429]
    answer = wire.send("try.it")
    wait = answer["Retry-After"]
    assert answer.json()["Errors"] == [
        {"Code": 429, "Message": f"Too many requests. Wait for {wait} seconds for another 2 attempts."}
    ]


@pytest.mark.parametrize(("fixed", "expected"), [("", 99998), ("scalar", 99998), ("array", 99998)])
def test_a_setting_never_makes_a_list_of_a_missing_credential(settings, anybody, fixed, expected):
    settings.OCTETH_ERRORS = fixed or "auto"

    assert anybody("user.current")["ErrorCode"] == expected


def test_sessions_nobody_can_use_are_forgotten(bob):
    membership = Membership.objects.get(user=bob)
    sessions.issue(membership)
    CommandSession.objects.update(last_used_at="2001-01-01T00:00Z")
    kept = sessions.issue(membership)

    assert sessions.forget_expired() == 1
    assert sessions.find(kept).membership == membership


def test_a_session_is_renewed_at_most_hourly(bob, django_assert_num_queries):
    plain = sessions.issue(Membership.objects.get(user=bob))

    with django_assert_num_queries(1):
        sessions.find(plain)
    CommandSession.objects.update(last_used_at=now() - sessions.RENEW_EVERY)
    with django_assert_num_queries(2):
        sessions.find(plain)
