"""How requests come in and answers go out, whatever they are about."""

import base64
import json
from datetime import UTC, datetime

import pytest

from accounts import keys
from api.greenarrow import authentication, pages, reading, times
from api.greenarrow.campaigns.link_stats import matches
from api.greenarrow.campaigns.winner import read as read_winner
from api.greenarrow.errors import InvalidRequest, NotAuthorized, RequestedTooMany
from api.greenarrow.reading import Given
from audience.criteria.greenarrow.errors import InvalidDefinition

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHICAGO = "America/Chicago"

# --- without a database --------------------------------------------------------------------------------------------


def test_the_header_is_the_one_that_is_documented():
    key = "5e96465c883f3309f0105a2e1076632b687e61d2"
    blob = "MTo1ZTk2NDY1Yzg4M2YzMzA5ZjAxMDVhMmUxMDc2NjMyYjY4N2U2MWQy"

    assert authentication.credentials(f"Basic {blob}") == (1, key)
    assert keys.basic(1, key) == blob


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!", "Basic MQ==", "Bearer MTox", "Basic OjE=", "Basic MTo="])
def test_a_header_that_names_no_key_is_refused(header):
    with pytest.raises(NotAuthorized):
        authentication.credentials(header)


TIMES = {
    1364398875: "2013-03-27T15:41:15Z",
    "1364398875": "2013-03-27T15:41:15Z",
    1364398875.5: "2013-03-27T15:41:15Z",
    "2013-03-27T10:41:15-05:00": "2013-03-27T15:41:15Z",
    "2013-03-27T15:41:15Z": "2013-03-27T15:41:15Z",
    "2015-01-22 11:10AM CST": "2015-01-22T17:10:00Z",
    "2015-06-29 3:11PM": "2015-06-29T20:11:00Z",
    "2018-05-01 3:7PM EDT": "2018-05-01T19:07:00Z",
    "2018-05-01 3:45PM +03": "2018-05-01T12:45:00Z",
    "NOW": "2026-03-01T12:00:00Z",
    "2010-03-30": "2010-03-30T05:00:00Z",
    "2015-11-01 1:30AM": "2015-11-01T06:30:00Z",
    "2015-03-08 2:30AM": "2015-03-08T08:30:00Z",
    "": None,
    None: None,
}


@pytest.mark.parametrize("written", list(TIMES), ids=str)
def test_every_way_to_write_a_time_is_read(written):
    assert times.shown(times.moment(written, CHICAGO, now=NOW)) == TIMES[written]


@pytest.mark.parametrize("written", ["bogus", "2015-02-30 1:00PM", "25:00", True, [], {}, 1e30, "9" * 12])
def test_what_is_no_time_is_none(written):
    with pytest.raises(InvalidDefinition):
        times.moment(written, CHICAGO, now=NOW)


def test_people_have_their_times_in_the_organizations_zone():
    at = datetime(2015, 3, 9, 15, 34, 4, 999, tzinfo=UTC)

    shown = times.of_local("created_at", at, CHICAGO)

    assert shown == {"created_at": "2015-03-09T10:34:04-05:00", "created_at_epoch": 1425915244}
    assert times.of_local("bounce_time", None, CHICAGO) == {"bounce_time": None, "bounce_time_epoch": None}


BOOLEANS = {True: [True, 1, "1", "true", "T", "Yes", "on"], False: [False, 0, "0", "FALSE", "f", "no", "Off"]}


@pytest.mark.parametrize("meant", BOOLEANS)
def test_booleans_are_read_as_clients_write_them(meant):
    assert {reading.boolean(written) for written in BOOLEANS[meant]} == {meant}
    assert reading.boolean("") is None is reading.boolean(None)


def test_numbers_come_as_text_too():
    assert [reading.integer(each) for each in (7, "7", " 7 ", 7.0, "", None)] == [7, 7, 7, 7, None, None]
    for wrong in (True, "x", -1, 7.5, [], 2**31, "9" * 400):
        with pytest.raises(ValueError, match="whole number"):
            reading.integer(wrong)


PERCENTAGES = {20: "20.0", "25": "25.0", 94.85: "94.85", "0.5": "0.5", 12.5: "12.5", "": None, None: None}


@pytest.mark.parametrize("written", list(PERCENTAGES), ids=str)
def test_percentages_are_printed_as_text(written):
    given = Given({"autowinner_percentage": written})

    assert read_winner(given)["autowinner_percentage"] == PERCENTAGES[written]
    assert not given.problems


@pytest.mark.parametrize("written", [94.85000000000001, 0, 100, -1, "NaN", "1e400", "x", True, [], "1" * 50])
def test_percentages_that_are_none_are_refused(written):
    given = Given({"autowinner_percentage": written})

    read_winner(given)
    assert given.problems


@pytest.mark.parametrize(
    "raw", [b"{", b"[1,]", b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"[" * 100_000, b"9" * 5000, b"\xff"]
)
def test_a_body_that_cannot_be_kept_is_no_document(raw):
    with pytest.raises(InvalidRequest):
        reading.document(raw)


def test_a_resource_stands_in_its_wrapper_or_alone():
    assert reading.wrapped({"campaign": {"name": "x"}}, "campaign") == {"name": "x"}
    assert reading.wrapped({"name": "x"}, "campaign") == {"name": "x"}
    for wrong in (None, [], "x", {"campaign": 1}):
        with pytest.raises(InvalidRequest):
            reading.wrapped(wrong, "campaign")


def test_pages_begin_with_0_and_say_how_many_there_are():
    rows = list(range(7))

    assert pages.asked({"page": "1", "per_page": "3"}).of(rows) == (
        [3, 4, 5],
        {"page": 1, "per_page": 3, "num_records": 7, "num_pages": 3},
    )
    assert pages.asked({"page": "9"}).of(rows)[0] == []
    assert pages.asked({}).of([])[1]["num_pages"] == 0
    with pytest.raises(RequestedTooMany):
        pages.asked({"per_page": "501"})
    for wrong in ("-1", "x", "1.5", "0"):
        with pytest.raises(InvalidRequest):
            pages.asked({"per_page": wrong})


def test_a_star_stands_for_any_characters_of_a_url():
    url = "https://Shop.example/a%20b?x=1_2"

    assert matches("https://shop.example/*", url)
    assert matches("*X=1_*", url)
    assert matches(url.upper(), url)
    assert matches("*", "")
    for other in ("https://shop.example/", "*x=1", "a%*", "*?x=1_2*2", ""):
        assert not matches(other, url), other


# --- with one ------------------------------------------------------------------------------------------------------

ALIASES = [
    "/ga/api/v2/mailing_lists/{list}/campaigns",
    "/ga/api/v2/mailing_lists/{list}/campaigns/",
    "/ga/api/v2/mailing_lists/{list}/campaigns.json",
    "/ga/api/mailing_lists/{list}/campaigns",
    "/api/v2/mailing_lists/{list}/campaigns",
    "/api/mailing_lists/{list}/campaigns",
]


def test_every_alias_answers_and_none_redirects(api, readers):
    for alias in ALIASES:
        path = alias.format(list=readers.pk)
        assert api.send("GET", path).status_code == 200, path
        made = api.post(path, {"campaign": {"name": alias}}, content_type="application/x-www-form-urlencoded")
        assert made["success"], path
    assert len(api.get(ALIASES[0].format(list=readers.pk))["data"]) == len(ALIASES)


def test_the_envelope_always_has_its_four_keys_and_says_json(api, readers):
    for path, method in [("campaigns/1", "GET"), (f"mailing_lists/{readers.pk}/campaigns", "GET"), ("nothing", "PUT")]:
        response = api.send(method, path)
        assert response["Content-Type"] == "application/json; charset=utf-8"
        assert {"success", "data", "error_code", "error_message"} <= json.loads(response.content).keys()
        assert response.status_code == 200
        assert not response.cookies


def test_who_shows_no_valid_key_is_refused(api, readers, charlie, organization):
    theirs = charlie.memberships.get().organization_id
    wrong = [f"{theirs}:{api.plain}", f"{organization.pk}:{'0' * 40}", f"{organization.pk}:", "1"]
    headers = ["", *["Basic " + base64.b64encode(each.encode()).decode() for each in wrong]]

    for header in headers:
        response = api.send("GET", f"mailing_lists/{readers.pk}/campaigns", header=header)
        assert response.status_code == 401, header
        assert response["WWW-Authenticate"] == 'Basic realm="Application"'
        assert json.loads(response.content)["error_code"] == "not_authorized"


def test_an_organization_that_is_not_active_gets_in_nowhere(api, organization):
    organization.is_active = False
    organization.save()

    assert api.send("GET", "campaigns/1").status_code == 401


def test_the_status_of_a_refusal_can_be_set(api, settings):
    settings.GREENARROW_ERROR_STATUS = {"not_found": 404}

    assert api.send("GET", "campaigns/1").status_code == 404
