import pytest

from content import fields, previews
from content.errors import BrokenTemplate
from content.sms import Parts
from tests.content.sources import Source


def test_a_preview_shows_the_links_as_they_were_written():
    contents = previews.preview_email(
        Source(subject="Hi {{ first_name }}", html="<p>{{ first_name }} <a href='https://example.com/a'>a</a></p>"),
        {"first_name": "Zoë"},
    )

    assert contents.subject == "Hi Zoë"
    assert '<p>Zoë <a href="https://example.com/a">a</a></p>' in contents.html
    assert "<img" not in contents.html
    assert contents.text == "Zoë a <https://example.com/a>\n"


def test_a_preview_of_a_half_typed_email_shows_what_is_there():
    contents = previews.preview_email(Source(subject="", from_email="po", reply_to="x", html=""), {})

    assert (contents.subject, contents.html, contents.text) == ("", "", "")


def test_a_preview_of_a_broken_email_says_what_is_wrong():
    with pytest.raises(BrokenTemplate, match="Line 1: "):
        previews.preview_email(Source(html="{{"), {})


def test_a_preview_of_an_sms_counts_its_parts():
    preview = previews.preview_sms("Hi {{ name }}", {"name": "Łukasz"})

    assert preview == previews.SmsPreview("Hi Łukasz", Parts("UCS-2", 9, 1), "Ł")
    assert previews.preview_sms("Hi {{ name }}", {}).parts == Parts("GSM-7", 2, 1)


def test_the_fields_of_an_email_are_those_of_all_its_sound_parts():
    source = Source(subject="{{ a }}", html="{{ b }} {{ unsubscribe_url }} {{ &nbsp;c }}", text="{{ broken")

    assert fields.used_by(source) == {"a", "b", "c"}
    assert fields.used_by_sms("{% if d %}{{ e }}{% endif %}") == {"d", "e"}
