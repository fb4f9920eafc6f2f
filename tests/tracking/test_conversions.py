"""Conversions: what the redirect tells the shop, and what the shop reports back."""

import email
import email.policy
import io
import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from content.tokens import Purpose, link_token, read_recipient_token, recipient_token
from delivery.rendering import render_recipient
from stats.ingest import ingest
from tests.delivery.states import sending
from tests.tracking.test_endpoints import STORY, WHO, ask, spooled
from tracking.conversions import told_to

PATH = "/system/s2s-postback/"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.TRACKING_KEYS = ["a key", "an older key"]


def ocrid(**who):
    return recipient_token(Purpose.CONVERSION, **(WHO | who))


def report(method="GET", **given):
    if method == "GET":
        return answered(ask(PATH, QUERY_STRING=urlencode(given)))
    body = urlencode(given).encode()
    form = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body))}
    return answered(ask(PATH, "POST", **form, **{"wsgi.input": io.BytesIO(body)}))


def answered(answer):
    status, _, body = answer
    return status, json.loads(body)


def clicked(url, *, converts, added=""):
    link = link_token(run_id=7, position=3, url=url, converts=converts, added=added)
    return ask(f"/c/{recipient_token(Purpose.CLICK, **WHO)}/{link}")


def who():
    return read_recipient_token(Purpose.CONVERSION, ocrid())


# --- what the shop is told ---------------------------------------------------------------------------------------


def test_a_link_that_tracks_conversions_tells_its_target_who_came(own_spool):
    status, headers, _ = clicked(STORY, converts=True)

    assert (status, headers["Location"]) == (302, f"https://example.com/story?a=1&b=%C3%BC&ocrid={ocrid()}#top")
    [hit] = spooled(own_spool)
    assert hit.url == STORY


def test_parameters_for_web_analytics_are_joined_to_the_address_and_kept_out_of_the_hit(own_spool):
    wanted = "https://example.com/story?a=1&b=%C3%BC&utm_source=x"

    assert clicked(STORY, converts=False, added="utm_source=x")[1]["Location"] == f"{wanted}#top"
    both = clicked(STORY, converts=True, added="utm_source=x")[1]["Location"]
    assert both == f"{wanted}&ocrid={ocrid()}#top"
    assert {hit.url for hit in spooled(own_spool)} == {STORY}


def test_any_other_link_leads_where_it_always_did():
    assert clicked(STORY, converts=False)[1]["Location"] == STORY


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://shop.example", "https://shop.example?ocrid=<>"),
        ("https://shop.example/", "https://shop.example/?ocrid=<>"),
        ("https://shop.example/?", "https://shop.example/?ocrid=<>"),
        ("https://shop.example/a?b=%20&c;d", "https://shop.example/a?b=%20&c;d&ocrid=<>"),
        ("https://shop.example/#/route?x=1", "https://shop.example/?ocrid=<>#/route?x=1"),
        ("https://shop.example/?ocrid=old&a=1&ocri%64=x", "https://shop.example/?a=1&ocrid=<>"),
    ],
)
def test_the_address_keeps_its_query_and_fragment(address, told):
    assert told_to(address, who()) == told.replace("<>", ocrid())


def test_the_parameter_can_have_another_name(settings):
    settings.CONVERSION_PARAMETER = "bsid"

    assert told_to("https://shop.example/?ocrid=theirs", who()) == f"https://shop.example/?ocrid=theirs&bsid={ocrid()}"
    assert report(bsid=ocrid())[0] == 200


def test_a_shop_cannot_unsubscribe_or_look_with_what_it_is_told():
    for purpose in Purpose:
        if purpose != Purpose.CONVERSION:
            assert recipient_token(purpose, **WHO) != ocrid()


# --- what the shop reports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_reported_conversion_is_spooled(method, own_spool):
    status, said = report(method, ocrid=ocrid(), channel="web", value="12.50", unit="EUR")

    assert (status, said) == (200, {"Success": True, "ErrorCode": 0, "ErrorText": "", "ocrid": ocrid()})
    [hit] = spooled(own_spool)
    assert (hit.kind, hit.run_id, hit.recipient_id, hit.subscriber_id) == ("converted", 7, 12, 34)
    assert {name: hit.data[name] for name in ("cents", "channel", "unit")} == {
        "cents": 1250,
        "channel": "web",
        "unit": "EUR",
    }
    assert (hit.ip_address, hit.user_agent) == ("", "")


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        ("", 0),
        ("0", 0),
        ("19", 1900),
        ("0.29", 29),
        ("1.005", 100),
        ("1.015", 102),
        ("999999999999.99", 99999999999999),
    ],
)
def test_values_are_exact(value, cents, own_spool):
    report(ocrid=ocrid(), value=value)

    assert spooled(own_spool)[0].data["cents"] == cents


@pytest.mark.parametrize(
    "value", ["abc", "-1", "1,50", "1e3", "NaN", "Infinity", "0x10", "\uff11\uff12", "1.", ".5", "1" * 13, "12 EUR"]
)
def test_a_value_that_is_no_amount_is_refused_and_nothing_is_kept(value, own_spool):
    status, said = report(ocrid=ocrid(), value=value)

    assert (status, said["Success"], said["ErrorCode"]) == (400, False, 4)
    assert "12.50" in said["ErrorText"]
    assert spooled(own_spool) == []


@pytest.mark.parametrize("given", [{"channel": "c" * 101}, {"unit": "a\x00b"}, {"transaction": "t" * 201}])
def test_text_that_cannot_be_kept_is_refused(given, own_spool):
    assert report(ocrid=ocrid(), **given)[1]["ErrorCode"] == 4
    assert spooled(own_spool) == []


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (lambda: "", 400, 1),
        (lambda: "forged", 404, 2),
        (lambda: ocrid()[:-4], 404, 2),
        (lambda: recipient_token(Purpose.CLICK, **WHO), 404, 2),
        (lambda: ocrid(run_id=0, recipient_id=0), 404, 3),
    ],
)
def test_a_token_that_means_nothing_has_its_code(token, status, code, own_spool):
    answer, said = report(ocrid=token(), value="1")

    assert (answer, said["Success"], said["ErrorCode"]) == (status, False, code)
    assert said["ErrorText"]
    assert spooled(own_spool) == []


def test_a_forged_token_is_counted(caplog):
    ask(PATH, QUERY_STRING="ocrid=forged", REMOTE_ADDR="198.51.100.4")

    assert "Refused links: 1, the last from 198.51.100.4" in caplog.text


@pytest.mark.parametrize("path", [PATH, "/system/s2s-postback"])
def test_names_are_read_in_any_case_and_with_or_without_a_slash(path, own_spool):
    assert ask(path, QUERY_STRING=urlencode({"OCRID": ocrid(), "Value": "2"}))[0] == 200
    assert spooled(own_spool)[0].data["cents"] == 200


def test_addresses_beside_it_are_not_taken():
    assert ask("/system/s2s-postbacks")[2] == ask("/system/")[2] == b"django"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_other_methods_keep_nothing(method, own_spool):
    status, headers, _ = ask(PATH, method, QUERY_STRING=urlencode({"ocrid": ocrid()}))

    assert (status, headers["Allow"]) == (405, "GET, POST")
    assert spooled(own_spool) == []


def test_a_flood_of_parameters_is_refused():
    assert ask(PATH, QUERY_STRING="a=1&" * 60)[0] == 400
    assert ask(PATH, "POST", CONTENT_TYPE="application/x-www-form-urlencoded", CONTENT_LENGTH="99999")[0] == 400


def test_a_conversion_that_cannot_be_kept_is_asked_for_again(own_spool):
    own_spool.parent.mkdir(exist_ok=True)
    own_spool.write_text("a file where the folder should be")

    assert report(ocrid=ocrid())[0] == 503


def test_it_asks_no_database(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert report(ocrid=ocrid(), value="1")[0] == 200


# --- what counts once --------------------------------------------------------------------------------------------


def keys_of(folder):
    return [hit.data["key"] for hit in spooled(folder)]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ({"value": "5"}, {"value": "5.00"}, True),
        ({"value": "5"}, {"value": "6"}, False),
        ({"value": "5", "unit": "EUR"}, {"value": "5", "unit": "USD"}, False),
        ({"value": "5", "channel": "web"}, {"value": "5", "channel": "shop"}, False),
        ({"value": "5", "transaction": "A1"}, {"value": "5", "transaction": "A2"}, False),
        ({"value": "5", "transaction": "A1"}, {"value": "7", "transaction": "A1"}, True),
        ({"transaction": "5"}, {"value": "0.05"}, False),
    ],
)
def test_the_same_report_has_the_same_key(first, second, is_same, own_spool):
    report(ocrid=ocrid(), **first)
    report(ocrid=ocrid(), **second)

    one, other = keys_of(own_spool)
    assert (one == other) is is_same


def test_the_same_purchase_by_somebody_else_is_another_one(own_spool):
    report(ocrid=ocrid(), value="5")
    report(ocrid=ocrid(recipient_id=13), value="5")

    assert len(set(keys_of(own_spool))) == 2


# --- all the way -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("tracks", [True, False])
def test_a_campaign_that_tracks_conversions_counts_what_was_bought_once(tracks):
    _, run = sending(people=1, tracks_conversions=tracks)
    recipient = run.recipients.get()
    mail = email.message_from_bytes(render_recipient(recipient), policy=email.policy.default)
    path = re.search(r'href="https?://[^/]+(/c/[^"]+)"', mail.get_body(("html",)).get_content())[1]

    location = ask(path)[1]["Location"]

    assert location.startswith("https://example.com/story")
    token = dict(parse_qsl(urlsplit(location).query)).get("ocrid")
    assert bool(token) is tracks
    if tracks:
        for _ in range(2):
            assert report(ocrid=token, value="12.50", transaction="A-1001")[0] == 200
        ingest()
        engagement = recipient.engagement
        assert (engagement.revenue_cents, engagement.converted_at is not None) == (1250, True)
