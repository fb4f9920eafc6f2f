"""GreenArrow's language: what its codes become. Pure."""

import hashlib

import pytest

from content.errors import BrokenTemplate
from content.merge import greenarrow, values
from content.merge.bodies import SlotBody, body_of
from content.merge.languages import parsed_part
from tests.content.sources import addressing, compiled, html_of

FIELDS = ((5, "first_name", "First Name"), (6, "topics", "Topics"), (7, "vip", "VIP?"), (8, "shoe_size", "Shoe_size"))
ZOE = {"email": "zoe@example.com", "first_name": "Zoë", "topics": ["tea", "books"], "vip": True, "shoe_size": 41}
SYSTEM = {
    "__now": "2015-12-05T23:30:00+01:00",
    "__subscriber_id": 6,
    "__subscribed_at": "2015-12-05T08:05:09",
    "__subscribed_ip": "192.0.2.7",
    "__campaign_id": 12,
    "__campaign_name": "Spring",
    "__list_id": 4,
    "__list_name": "Morning",
    "__run_id": 3,
    "__from_name": "Morning Post",
    "__from_email": "post@news.example",
    "__reply_to": "",
    "__sender_email": "agency@news.example",
    "__url_domain": "mail.news.example",
    "__unsubscribe_token": "TOKEN",
    "unsubscribe_url": "https://mail.news.example/u/TOKEN",
    "view_url": "https://mail.news.example/w/TOKEN",
}


def parsed(source, part="text"):
    return parsed_part(source, language="greenarrow", part=part, fields=FIELDS)


def said(source, part="text", /, **person):
    found = parsed(source, part)
    return body_of(found.segments).render(values.context_of({**ZOE, **SYSTEM, **person}, found.fields))


def html(source, **person):
    message = compiled(merge_language="greenarrow", html=source, fields=FIELDS, tracked=False)
    return html_of(message.render({**ZOE, **person}, addressing(system=SYSTEM)))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("subscriber_id", "6"),
        ("subscribers_email_address", "zoe@example.com"),
        ("emailaddress", "zoe@example.com"),
        ("emailaddress_md5", hashlib.md5(b"zoe@example.com", usedforsecurity=False).hexdigest()),
        ("emailaddress_sha1", hashlib.sha1(b"zoe@example.com", usedforsecurity=False).hexdigest()),
        ("emailaddress_sha256", hashlib.sha256(b"zoe@example.com").hexdigest()),
        ("emailaddress_base64", "em9lQGV4YW1wbGUuY29t"),
        ("mailing_list_id", "4"),
        ("mailing_list_name", "Morning"),
        ("unsubscribe_link", "https://mail.news.example/u/TOKEN"),
        ("unsubscribe_token", "TOKEN"),
        ("link_to_web_version", "https://mail.news.example/w/TOKEN"),
        ("data_campaign_id", "12"),
        ("campaign_id", "12"),
        ("data_campaign_name", "Spring"),
        ("data_current_year", "2015"),
        ("data_current_date_long", "December 5, 2015"),
        ("data_current_date_database", "2015-12-05"),
        ("data_percent", "%"),
        ("data_from_email", "post@news.example"),
        ("data_from_name", "Morning Post"),
        ("data_sender_email", "agency@news.example"),
        ("data_reply_to_email", ""),
        ("data_subscribe_date_long", "December 5, 2015"),
        ("data_subscribe_date_database", "2015-12-05"),
        ("data_subscribe_ip", "192.0.2.7"),
        ("data_stat_id", "3"),
        ("data_sendid", "a3"),
        ("data_url_domain", "mail.news.example"),
        ("First Name", "Zoë"),
        ("first_name", "Zoë"),
        ("FIRST_name", "Zoë"),
        ("topics", "tea, books"),
        ("VIP?", "Yes"),
        ("Shoe size", "41"),
        ("DATA_Campaign_ID", "12"),
    ],
)
def test_a_code_says_what_it_is_documented_to_say(code, text):
    assert said(f"a%%{code}%%b") == f"a{text}b"


def test_every_code_has_its_row_above():
    rows = test_a_code_says_what_it_is_documented_to_say.pytestmark[0].args[1]

    assert {code.name for code in greenarrow.CODES} <= {name for name, _ in rows}


def test_a_field_without_a_value_is_empty_and_an_unknown_code_stays():
    assert said("[%%first name%%]", first_name=None) == "[]"
    assert said("[%%vip?%%]", vip=False) == "[No]"
    assert said("%%nope%% %%api:order%% 100%% of %%first_name%%%%topics%% %%%% % %%") == (
        "%%nope%% %%api:order%% 100%% of Zoëtea, books %%%% % %%"
    )


def test_what_is_not_known_is_named_with_its_line():
    found = parsed("%%first name%%\n%%nope%%\n\n%%api:order%% 50%% off, 100%%\n<p title=%%x%%>")

    assert [(remark.code, remark.line) for remark in found.remarks] == [
        ("unknown_tag", 2),
        ("unknown_tag", 4),
        ("unknown_tag", 5),
    ]
    assert [remark.line for remark in parsed("%%unsubscribe_link%%", "subject").remarks] == [1]


def test_in_html_values_are_escaped_and_in_links_braces_will_do():
    page = html(
        '<p>%%first_name%%</p><a href="https://x.example/{b}?e={emailaddress}&n=%%First Name%%">a</a>'
        "<a href='%%unsubscribe_link%%'>leave</a><b>{emailaddress}</b>",
        first_name="<i>&",
    )

    assert "<p>&lt;i&gt;&amp;</p>" in page
    assert 'href="https://x.example/{b}?e=zoe@example.com&amp;n=&lt;i&gt;&amp;"' in page
    assert 'href="https://mail.news.example/u/' in page
    assert "<b>{emailaddress}</b>" in page
    assert (
        said("{emailaddress} https://x.example/?e={emailaddress}")
        == "{emailaddress} https://x.example/?e=zoe@example.com"
    )


def test_an_address_that_a_field_begins_runs_nothing():
    assert "javascript" not in html("<a href='%%first_name%%'>x</a>", first_name="javascript:alert(1)")


def test_every_message_is_literals_and_slots():
    source = "".join(f"%%{code.name}%% " for code in greenarrow.CODES) + "%%vip?%% %%nope%%"

    assert isinstance(body_of(parsed(source).segments), SlotBody)


def test_the_sender_is_the_one_in_the_header():
    message = compiled(merge_language="greenarrow", html="<p>[%%data_sender_email%%]</p>", tracked=False)

    assert "[agency@news.example]" in html_of(message.render({}, addressing(sender="agency@news.example")))
    assert "[]" in html_of(message.render({}, addressing()))


def test_too_much_is_refused():
    with pytest.raises(BrokenTemplate, match="too long"):
        parsed("x" * 1_000_001)
