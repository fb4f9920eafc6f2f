"""The copy of a mail that anybody may read."""

import pytest

from content.compile import PATHS
from content.links import LINK_FIELDS
from content.publication import headline, public_copy
from tests.content.sources import Source

LINKS = [name for name, _ in PATHS]


@pytest.fixture(autouse=True)
def base(settings):
    settings.BASE_URL = "https://mail.news.example"


def shown(html, **source):
    return public_copy(Source(html=html, **source)).html


@pytest.mark.parametrize("field", LINKS)
def test_links_that_belong_to_somebody_are_taken_out(field):
    page = shown(f"<p>Read <a href='https://example.com/'>on</a> or <a href='{{{{ {field} }}}}'>go</a>.</p>")

    assert 'href="https://example.com/"' in page
    assert "mail.news.example" not in page
    assert ">go<" not in page


def test_every_page_of_somebodys_is_known():
    assert set(LINKS) == set(LINK_FIELDS)


def test_a_footer_of_such_links_goes_with_them():
    page = shown(
        "<p>Story</p><table><tr><td><small><a href='{{ unsubscribe_url }}'>Leave</a> · "
        "<a href='{{ view_url }}'>View</a></small></td></tr></table>"
    )

    assert "Story" in page
    assert "·" not in page
    assert "<small" not in page


def test_what_stands_beside_them_stays():
    page = shown("<p>You get this because you asked. <a href='{{ unsubscribe_url }}'>Leave</a></p>")

    assert "You get this because you asked." in page


def test_a_picture_that_was_around_a_link_stays():
    page = shown("<div><img src='https://example.com/a.png' alt=''><a href='{{ unsubscribe_url }}'>x</a></div>")

    assert "a.png" in page


def test_an_address_that_is_written_out_goes_too():
    page = shown("<p title='{{ view_url }}'>Leave here: {{ unsubscribe_url }}</p>")

    assert "mail.news.example" not in page
    assert "Leave here:" in page


def test_nobodys_values_are_shown_with_their_defaults():
    page = shown("<p>Hello {{ first_name|default('reader') }} {{ email }}!</p>")

    assert "Hello reader !" in page


def test_nothing_counts():
    page = shown("<p><a href='https://example.com/story'>on</a></p>")

    assert "/o/" not in page
    assert "/c/" not in page
    assert "/h/" not in page


@pytest.mark.parametrize(
    ("html", "title"),
    [("<p>x</p>", "<title>Good &lt;b&gt; morning</title>"), ("<head><title>Own</title></head>x", "<title>Own</title>")],
)
def test_the_page_has_a_title(html, title):
    page = shown(html, subject="Good <b> morning")

    assert title in page
    assert page.count("<title>") == 1


def test_in_the_text_the_whole_line_goes():
    said = public_copy(Source(html="", text="News\n\nLeave: {{ unsubscribe_url }}\nSee https://example.com/\n"))

    assert said.text == "News\n\nSee https://example.com/\n"


def test_a_headline_is_subject_and_preheader_without_anybodys_values():
    said = headline(Source(subject="Hello {{ first_name|default('all') }}", preheader="For\n{{ x|default('you') }}"))

    assert (said.subject, said.summary) == ("Hello all", "For you")


def test_a_change_of_keys_changes_nothing(settings):
    first = shown("<p>a <a href='{{ view_url }}'>v</a></p>")
    settings.TRACKING_KEYS = ["another key"]

    assert shown("<p>a <a href='{{ view_url }}'>v</a></p>") == first


def test_a_drawing_with_a_link_breaks_nothing():
    drawing = '<svg><a xlink:href="https://example.com/svg"><text>drawn</text></a></svg>'

    assert drawing in public_copy(Source(html=drawing)).html
