"""What holds in every merge language, whatever is written and whatever people have in their fields."""

import time
from html import escape, unescape

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from content.errors import BrokenTemplate
from content.merge import values
from content.merge.bodies import body_of, program_body
from content.merge.engine import escaped
from content.merge.known import known_fields
from content.merge.languages import TRANSLATORS, parsed_part
from content.merge.markup_values import as_text
from content.merge.writing import Place
from content.models import MergeLanguage
from tests.content.sources import addressing, arrived, compiled, html_of
from tests.examples import examples

LANGUAGES = pytest.mark.parametrize("language", MergeLanguage.values)
FIELDS = ((5, "name", "Name"), (6, "town", "Town"))
TAG = {"broadsheet": "{{ name }}", "octeth": "{{ Subscriber:Name }}", "greenarrow": "%%name%%"}
# What a value might hold to be taken for something else.
BITS = st.sampled_from(
    [
        *[
            "{{",
            "}}",
            "{%",
            "%}",
            "%%",
            "%%town%%",
            "%Subscriber:Town%",
            "{{ Subscriber:Town }}",
            "[[a|b]]",
            "[UPPER:x]",
        ],
        *[
            "<",
            ">",
            "&",
            '"',
            "'",
            "\r\n",
            "\n",
            "\0",
            "\x02{",
            "\x0e",
            "=",
            "é",
            " ",
            "x",
            "[IF:",
            "[ENDIF]",
            "-->",
            "%0A",
        ],
    ]
)
VALUES = st.lists(BITS, max_size=8).map("".join)
SOURCES = {
    "octeth": [
        "{{ Subscriber:Name }}",
        "{{{ Subscriber:Name }}}",
        "%Subscriber:Town%",
        '{{ ellipsis-3 Subscriber:Name|"x" }}',
        *["[UPPER:", "[TITLE:", "]", "[[", "|", "]]", "{{ if Subscriber:Name=x }}", "{{ else }}", "{{ endif }}"],
        *['[IF:%Subscriber:Town%!=""]', "[ENDIF]", "%Date=Y%", "%Random:Letters:3%", "{{", "%", "\n", "&amp;", "é"],
    ],
    "greenarrow": ["%%name%%", "%%", "%%nope%%", "%%data_percent%%", "{name}", "https://x.example/", " ", "<b>", "é"],
    "broadsheet": ["{{ name }}", "{{ name|upper }}", "{% if name %}", "{% endif %}", "{{", " ", "<b>", "&", "é", "{#"],
}


def parsed(source, language, part="text"):
    return parsed_part(source, language=language, part=part, fields=FIELDS)


@LANGUAGES
@given(text=st.text(alphabet=st.characters(blacklist_characters="{%[\r", blacklist_categories=["Cs"]), max_size=60))
@settings(max_examples=examples(30), deadline=None)
def test_a_text_without_tags_is_unchanged(language, text):
    found = parsed(text, language)

    assert body_of(found.segments).render({}) == values.cleaned(text)
    assert not found.fields
    assert not found.remarks


@LANGUAGES
@given(value=VALUES, data=st.data())
@settings(max_examples=examples(30), deadline=None)
def test_a_value_stands_as_it_is_where_its_tag_stood(language, value, data):
    part = data.draw(st.sampled_from(["text", "html"]))
    found = parsed(f"a{TAG[language]}b", language, part)
    context = values.context_of({"name": value, "town": "Ulm"}, found.fields)
    shown = body_of(found.segments, escape=escaped if part == "html" else as_text).render(context)
    plain = values.plain(value) or ""

    assert shown == f"a{escape(plain) if part == 'html' else plain}b"


@LANGUAGES
@given(value=VALUES)
@settings(max_examples=examples(15), deadline=None)
def test_in_a_mail_a_value_breaks_neither_headers_nor_elements(language, value):
    tag = TAG[language]
    message = compiled(
        merge_language=language, subject=f"Hi {tag}!", from_name=tag, html=f"<p title='{tag}'>{tag}</p><b>end</b>",
        fields=FIELDS, tracked=False,
    )  # fmt: skip
    raw = message.render({"name": value, "town": "Ulm"}, addressing())
    head = raw.partition(b"\r\n\r\n")[0].decode()
    page = html_of(raw)

    assert [line.split(":")[0] for line in head.split("\r\n") if line[:1] not in " \t"] == [
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert arrived(raw)["subject"].startswith("Hi")
    assert page.count("<p ") == page.count("</p>") == page.count("<b>") == 1
    assert (
        unescape(page.partition("<p title=")[2].rpartition("</p>")[0]).count((values.plain(value) or "").strip()) >= 1
    )


@LANGUAGES
@given(data=st.data(), value=VALUES)
@settings(max_examples=examples(40), deadline=None)
def test_slots_and_programs_say_the_same(language, data, value):
    source = "".join(data.draw(st.lists(st.sampled_from(SOURCES[language]), max_size=10)))
    part = data.draw(st.sampled_from(["text", "html"]))
    try:
        found = parsed(source, language, part)
    except BrokenTemplate:
        assume(False)
    escape_with = escaped if part == "html" else as_text
    context = values.context_of({"name": value, "__seed": "3:6", "__now": "2026-11-21"}, found.fields)

    assert body_of(found.segments, escape=escape_with).render(context) == program_body(
        found.segments, escape=escape_with
    ).render(context)


@LANGUAGES
@given(data=st.data())
@settings(max_examples=examples(20), deadline=None)
def test_whatever_is_written_compiles_or_is_refused_in_words(language, data):
    source = "".join(
        data.draw(st.lists(st.sampled_from([*SOURCES[language], "<p>", "</p>", "<a href='"]), max_size=12))
    )
    try:
        message = compiled(merge_language=language, html=f"<div>{source}</div>", subject=source[:50], fields=FIELDS)
        raw = message.render({"name": "x"}, addressing())
    except BrokenTemplate as refused:
        said = refused.message
    else:
        said = arrived(raw)["message-id"]
    assert said


@pytest.mark.parametrize("language", ["octeth", "greenarrow"])
@pytest.mark.parametrize(
    "piece",
    ["{{", "{{{", '{{"', "{{ a", "%", "%%", "%%a", "%%a %%", "[[", "[[a|", "[UPPER:", "]]", "[IF:",
     "%RemoteContent=a%41", "[[[UPPER:", '<a href="{', "https://x{", "%Random:Letters:9%", "[[a|b]]"],
)  # fmt: skip
def test_what_is_made_to_keep_us_reading_is_read_in_a_moment(language, piece):
    source = piece * (100_000 // len(piece))
    started = time.process_time()
    try:
        translated = TRANSLATORS[language](source, Place(known_fields(FIELDS), markup=True))
        assert translated.segments
    except BrokenTemplate as refused:
        assert "never closed" in refused.message or "more than" in refused.message  # noqa: PT017 - either will do
    assert time.process_time() - started < 4


@pytest.mark.parametrize(
    ("language", "name", "tag"),
    [("octeth", "{{ Subscriber:Name }}", "{{ List:SenderName }}"), ("greenarrow", "%%name%%", "%%data_from_name%%")],
)
def test_the_name_of_the_sender_is_the_one_this_person_sees(language, name, tag):
    message = compiled(merge_language=language, from_name=name, html=f"<p>[{tag}]</p>", fields=FIELDS, tracked=False)
    raw = message.render({"name": "Ann"}, addressing())

    assert arrived(raw)["from"] == "Ann <post@news.example>"
    assert "[Ann]" in html_of(raw)
