import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content import tokens
from content.compile import compile_sms
from content.errors import BadAddress, BrokenTemplate
from content.links import Link
from content.tokens import Purpose, RecipientToken
from tests.content.sources import BASE_URL, addressing, arrived, compiled, html_of, rendered, text_of

WHO = RecipientToken(run_id=3, recipient_id=5, subscriber_id=6)


def clicks_in(text):
    """The two tokens of each tracked address."""
    return re.findall(rf"{BASE_URL}/c/([\w-]+)/([\w-]+)", text)


def target(click):
    who, link = tokens.read_click(*click)
    assert who == WHO
    return link.position, link.url


def test_a_message_has_its_headers_and_both_parts():
    message = arrived(
        rendered({"first_name": "Zoë"}, subject="Hi {{ first_name }}", html="<p>Dear {{ first_name }}</p>")
    )

    assert message["Subject"] == "Hi Zoë"
    assert message["From"] == "Morning Post <post@news.example>"
    assert message["To"] == "zoe@example.com"
    assert message["Message-ID"] == "<5.3@news.example>"
    assert message["MIME-Version"] == "1.0"
    assert message["Date"].datetime.tzinfo is not None
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "Dear Zoë" in message.get_body(("html",)).get_content()
    assert "Dear Zoë" in message.get_body(("plain",)).get_content()


def test_a_message_renders_to_the_same_bytes_again():
    message = compiled(html="<p>{{ first_name }}</p>")
    to = addressing(date=None)

    first, second = (message.render({"first_name": "Zoë"}, to).split(b"\r\nDate:") for _ in range(2))

    assert first[0] == second[0]
    assert first[1].split(b"\r\n", 1)[1] == second[1].split(b"\r\n", 1)[1]


def test_reply_to_and_further_headers_are_written():
    raw = compiled(reply_to="desk@news.example").render(
        {}, addressing(to_name="Zoë O'Neil", headers=(("List-Id", "Morning <morning.news.example>"),))
    )

    message = arrived(raw)

    assert message["Reply-To"] == "desk@news.example"
    assert message["List-Id"] == "Morning <morning.news.example>"
    assert message["To"].addresses[0].display_name == "Zoë O'Neil"


@pytest.mark.parametrize("name", ["To", "bcc", "Subject", "Content-Type", "Bad Name", "X:Y", ""])
def test_a_header_of_the_message_itself_cannot_be_added(name):
    with pytest.raises(ValueError, match=r"header|itself"):
        compiled().render({}, addressing(headers=((name, "x"),)))


def test_an_address_that_is_none_is_refused():
    with pytest.raises(BadAddress):
        compiled().render({}, addressing(to_address="nobody"))


def test_values_are_escaped_in_html_and_not_in_text_or_subject():
    raw = rendered(
        {"name": "<b>&\"'"}, subject="{{ name }}", html='<p title="{{ name }}">{{ name }}</p>', text="{{ name }}"
    )

    assert arrived(raw)["Subject"] == "<b>&\"'"
    assert '<p title="&lt;b&gt;&amp;&quot;&#x27;">&lt;b&gt;&amp;&quot;&#x27;</p>' in html_of(raw)
    assert text_of(raw).strip() == "<b>&\"'"


def test_fields_without_a_value_are_empty_or_take_their_default():
    raw = rendered({"city": "  ", "name": None}, text="[{{ nothing }}{{ name }}] {{ city|default('town') }}")

    assert text_of(raw).strip() == "[] town"


def test_styles_are_inlined_and_what_cannot_be_stays_in_the_head():
    page = html_of(
        rendered(html="<style>p{color:red} a:hover{color:blue} @media (max-width:9px){p{width:1px}}</style><p>x</p>")
    )

    assert '<p style="color: red;">x</p>' in page
    assert "a:hover" in page
    assert "@media (max-width:9px)" in page


def test_styles_that_cannot_be_read_stay_where_they_are():
    page = html_of(
        rendered(
            {"vip": True},
            html="<style>p{margin:0}</style><p style='{% if vip %}color:gold;{% endif %}'>x</p><p style='oops'>y</p>",
        )
    )

    assert '<p style="color:gold;">x</p><p style="oops">y</p>' in page
    assert "p{margin:0}" in page


def test_style_sheets_from_elsewhere_are_not_read(tmp_path):
    sheet = tmp_path / "secret.css"
    sheet.write_text("p{color:red}")

    page = html_of(
        rendered(html=f'<link rel="stylesheet" href="{sheet}"><link rel="stylesheet" href="file://{sheet}"><p>x')
    )

    assert "red" not in page


def test_the_preheader_comes_first_and_is_not_shown():
    page = html_of(rendered({"city": "Köln <3"}, preheader="News & more from {{ city }}", html="<p>Body</p>"))

    assert re.search(r'<body><div style="display:none[^>]*>News &amp; more from Köln &lt;3&#847;.*</div><p>Body', page)


def test_logic_in_a_table_stays_where_it_is():
    page = html_of(
        rendered(
            {"items": ["tea", "milk"]},
            html="<table>{% for item in items %}<tr><td>{{ loop.index }}</td><td>{{ item }}</td></tr>{% endfor %}"
            "</table>",
        )
    )

    assert "<table><tbody><tr><td>1</td><td>tea</td></tr><tr><td>2</td><td>milk</td></tr></tbody></table>" in page


def test_a_generated_text_follows_the_logic_and_shows_addresses():
    source = (
        "<h1>News</h1>{% if vip %}<p>For you: <a href='https://example.com/vip'>the lounge</a></p>{% endif %}"
        "<table><tr><td>One</td></tr>{% if vip %}<tr><td>Two</td></tr>{% endif %}</table>"
        "<p>AT&amp;T &amp;lt; <a href='{{ unsubscribe_url }}'>Unsubscribe</a> "
        "<a href='mailto:a@b.example?x=1'>mail</a></p>"
    )

    vip = text_of(rendered({"vip": True}, html=source, tracked=False))
    other = text_of(rendered({}, html=source, tracked=False))

    assert vip.startswith(
        "News\n\nFor you: the lounge <https://example.com/vip>\n\nOne\n\nTwo\n\nAT&T &lt; Unsubscribe <"
    )
    assert "mail <a@b.example>" in vip
    assert other.startswith("News\n\nOne\n\nAT&T")


def test_a_written_text_is_kept_as_it_is():
    raw = rendered(text="Dear reader,\n\n  two  spaces\n.\nFrom here on\n", html="<p>x</p>")

    assert text_of(raw) == "Dear reader,\n\n  two  spaces\n.\nFrom here on\n"


def test_a_text_only_message_has_one_part():
    message = arrived(rendered(html="", text="Only {{ name }}"))

    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == "Only"


def test_links_lead_through_the_tracker_to_where_they_led():
    page = html_of(rendered(html="<a href='https://example.com/a?x=1&amp;y=2'>A</a><a href=' http://b.example '>B</a>"))

    assert [target(click) for click in clicks_in(page)] == [
        (1, "https://example.com/a?x=1&y=2"),
        (2, "http://b.example"),
    ]


def test_each_place_of_a_url_has_a_position_and_the_text_repeats_the_first():
    message = compiled(
        html="<a href='https://example.com/a'>A</a> <a href='https://example.com/a'>B</a>",
        text="https://example.com/a or https://example.com/b.",
    )
    raw = message.render({}, addressing())

    assert message.links == (
        Link(1, "https://example.com/a"),
        Link(2, "https://example.com/a"),
        Link(3, "https://example.com/b"),
    )
    assert [target(click)[0] for click in clicks_in(html_of(raw))] == [1, 2]
    assert [target(click) for click in clicks_in(text_of(raw))] == [
        (1, "https://example.com/a"),
        (3, "https://example.com/b"),
    ]
    assert text_of(raw).endswith(".\n\n") or text_of(raw).strip().endswith(".")


@pytest.mark.parametrize(
    "href",
    [
        "mailto:a@b.example",
        "tel:+49301234",
        "#top",
        "{{ unsubscribe_url }}",
        "{{ view_url }}",
        "{{ website }}",
        "https://{{ host }}/",
        "https://example.com{{ path }}",
        "https://user@{{ host }}/",
        "/relative",
        "javascript:alert(1)",
        "{% if a %}https://example.com/a{% else %}https://example.com/b{% endif %}",
    ],
)
def test_what_is_no_web_address_with_a_host_of_its_own_is_not_tracked(href):
    message = compiled(html=f'<a href="{href}">x</a>')

    assert message.links == ()
    assert clicks_in(html_of(message.render({"website": "https://evil.example"}, addressing()))) == []


@pytest.mark.parametrize("logic", ["", "{% if true %}!{% endif %}"], ids=["slots", "program"])
def test_a_personal_link_is_signed_with_the_values_of_its_recipient(logic):
    message = compiled(
        html=f'<a href="https://example.com/?e={{{{ email|urlencode }}}}&amp;copy={{{{ n }}}}">x</a>{logic}'
    )

    raw = message.render({"email": "a+b@x.example", "n": "1&2 ü"}, addressing())

    wanted = (1, "https://example.com/?e=a%2Bb%40x.example&copy=1&2%20%C3%BC")
    assert [target(click) for click in clicks_in(html_of(raw))] == [wanted]
    assert [target(click) for click in clicks_in(text_of(raw))] == [wanted]
    assert message.links == (Link(1, "https://example.com/?e={{ email|urlencode }}&copy={{ n }}"),)


@pytest.mark.parametrize("logic", ["", "{% if true %}!{% endif %}"], ids=["slots", "program"])
@pytest.mark.parametrize(
    ("href", "value", "written"),
    [
        ("{{ website }}", "https://example.com/?a=1&b", "https://example.com/?a=1&amp;b"),
        ("{{ website }}", "example.com", "example.com"),
        ("{{ website }}", "javascript:alert(1)", "#"),
        ("{{ website }}", " Java\tScript:alert(1)", "#"),
        ("java{{ website }}", "script:alert(1)", "#"),
        ("{{ website|default('data:x') }}", "", "#"),
        ("{% if website %}{{ website }}{% endif %}", "vbscript:x", "#"),
        ("/{{ website }}", "javascript:x", "/javascript:x"),
    ],
)
def test_a_field_cannot_make_a_link_run_a_script(href, value, written, logic):
    message = compiled(html=f'<a href="{href}">x</a>{logic}', tracked=False)

    page = html_of(message.render({"website": value}, addressing()))

    assert f'<a href="{written}">x</a>' in page


def test_logic_inside_an_address_is_carried_out_before_it_is_signed():
    message = compiled(
        html='<a href="https://example.com/{% if vip %}lounge{% else %}hall{% endif %}?a=1&amp;b=2">x</a>'
    )

    (click,) = clicks_in(html_of(message.render({"vip": True}, addressing())))

    assert target(click) == (1, "https://example.com/lounge?a=1&b=2")


def test_a_personal_link_that_gets_too_long_is_left_untracked():
    message = compiled(html='<a href="https://example.com/?q={{ q }}">x</a>')

    page = html_of(message.render({"q": "x" * 5000}, addressing()))

    assert f'href="https://example.com/?q={"x" * 5000}"' in page


def test_links_of_outlook_buttons_are_tracked_at_the_position_of_their_twin():
    button = '<!--[if mso]><v:roundrect href="https://example.com/a?x=1&amp;y=2">A</v:roundrect><![endif]-->'
    link = '<!--[if !mso]><!--><a href="https://example.com/a?x=1&amp;y=2">A</a><!--<![endif]-->'

    page = html_of(rendered(html=f"<p>{button}{link}</p>"))

    assert [target(click) for click in clicks_in(page)] == [(1, "https://example.com/a?x=1&y=2")] * 2


def test_the_pixel_is_the_last_thing_in_the_body():
    page = html_of(rendered(html="<p>x</p>"))

    (token,) = re.findall(rf'<img src="{BASE_URL}/o/([\w-]+)\.gif"[^>]*></body></html>$', page.strip())
    assert tokens.read_recipient_token(Purpose.OPEN, token) == WHO


def hidden_links_in(page):
    return re.findall(rf'<a href="{BASE_URL}/h/([\w-]+)" ([^>]*)></a>', page)


def test_the_hidden_link_has_nothing_that_could_be_seen_heard_or_reached():
    message = compiled(html="<p>Hi</p>", text="")
    page = html_of(message.render({}, addressing()))

    ((token, attributes),) = hidden_links_in(page)
    assert tokens.read_recipient_token(Purpose.PROBE, token) == WHO
    assert attributes == 'style="display:none;mso-hide:all" aria-hidden="true" tabindex="-1"'
    with pytest.raises(tokens.BadToken):
        tokens.read_recipient_token(Purpose.CLICK, token)


@pytest.mark.parametrize("page", ["<p><a href='https://example.com/a'>A</a></p>", "{% if a %}<p>A</p>{% endif %}", "x"])
def test_the_hidden_link_is_in_the_mail_and_nowhere_else(page, settings):
    message = compiled(html=page)
    raw, contents = message.render({"a": 1}, addressing()), message.contents({"a": 1}, addressing())

    assert len(hidden_links_in(html_of(raw))) == 1
    assert "/h/" not in contents.html + contents.text + text_of(raw)
    assert f"{BASE_URL}/o/" in contents.html
    assert [link.url for link in message.links] == ["https://example.com/a"] * ("example" in page)
    assert "/h/" not in html_of(rendered({"a": 1}, html=page, tracked=False))

    settings.HIDDEN_LINK = False
    assert html_of(rendered({"a": 1}, html=page)).rstrip() == contents.html.rstrip()


def test_an_untracked_message_has_no_pixel_and_its_own_links():
    page = html_of(rendered(html="<a href='https://example.com/a'>A</a>", tracked=False))

    assert "https://example.com/a" in page
    assert "<img" not in page


@pytest.mark.parametrize(
    ("field", "path", "purpose"),
    [
        ("unsubscribe_url", "u", Purpose.UNSUBSCRIBE),
        ("view_url", "w", Purpose.VIEW),
        ("preferences_url", "p", Purpose.PREFERENCES),
    ],
)
def test_the_addresses_of_every_mail_are_those_of_the_recipient(field, path, purpose):
    raw = rendered(html=f"<a href='{{{{ {field} }}}}'>x</a>")

    for part in (html_of(raw), text_of(raw)):
        (token,) = re.findall(rf"{BASE_URL}/{path}/([\w-]+)", part)
        assert tokens.read_recipient_token(purpose, token) == WHO


def test_the_fields_of_a_message_are_those_of_its_people():
    message = compiled(
        subject="{{ a }}",
        preheader="{{ b }}",
        from_name="{{ c }}",
        html="{% if d %}{{ unsubscribe_url }}{% endif %}",
        text="{{ e|default('x') }}",
    )

    assert message.fields == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize("part", ["subject", "preheader", "from_name", "html", "text"])
def test_a_broken_part_is_named_with_its_line(part):
    with pytest.raises(BrokenTemplate) as problem:
        compiled(**{part: "fine\n{{ broken"})

    assert (problem.value.part, problem.value.line) == (part, 2)


@pytest.mark.parametrize(
    "source",
    [
        "<td {% if a %}bgcolor='red'{% endif %}>x</td>",
        "<p {{ attributes }}>x</p>",
        "<{{ tag }}>x",
        "<style>{% if a %}p{color:red}{% endif %}</style>",
        "<p class='a' class='{% if a %}b{% endif %}'>x</p>",
    ],
)
def test_a_tag_where_html_cannot_hold_it_is_refused(source):
    with pytest.raises(BrokenTemplate, match=r"attribute|style|HTML"):
        compiled(html=source)


def test_logic_that_fails_for_one_person_fails_only_their_message():
    message = compiled(text="{{ points + 1 }} {{ unsubscribe_url }}")

    assert "8" in text_of(message.render({"points": 7}, addressing()))
    with pytest.raises(BrokenTemplate, match="default"):
        message.render({"points": "many"}, addressing())


def test_contents_are_the_message_before_mime():
    message = compiled(
        subject="Hi {{ name }}", from_name="{{ name }}'s Post", html="<p>{{ name }}</p>", text="{{ name }}"
    )

    contents = message.contents({"name": "Zoë &\nCo"}, addressing())

    assert (contents.subject, contents.from_name, contents.text) == ("Hi Zoë & Co", "Zoë & Co's Post", "Zoë &\nCo")
    assert "<p>Zoë &amp;\nCo</p>" in contents.html


@pytest.mark.parametrize(
    ("language", "encoding"),
    [("Здравствуй, {{ name }}! " * 20, b"base64"), ("Good morning, {{ name }}! " * 20, b"quoted-printable")],
)
def test_the_shorter_transfer_encoding_is_chosen(language, encoding):
    raw = rendered({"name": "Zoë"}, html=f"<p>{language}</p>")

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert raw.count(b"Content-Transfer-Encoding: " + encoding) == 2
    assert language.replace("{{ name }}", "Zoë").strip() in html_of(raw)


SCRAPS = [
    "<p>", "</p>", "<table>", "<tr>", "<td>", "</td>", "</tr>", "</table>", "<a href='https://e.example/", "'>",
    "</a>", "<a href=https://e.example/?q=", ">", "<", "<!--", "-->", "<!--[if mso]>", "<![endif]-->",
    "<style>p{color:red}", "</style>", "<title>", "</title>", '<img alt="', '">', "{{ a }}", "{{ a|default('x') }}",
    "{% if a %}", "{% else %}", "{% endif %}", "{% for b in a|split %}", "{% endfor %}", "{{ b }}", "text & more",
    "&amp;copy=1", " ", "\n", "é", "<select>", "<option>", "<svg>", "<math>", "<template>", "</template>",
    "<body class='x'>", "</body>", "<!DOCTYPE html>", "<frameset>",
]  # fmt: skip


@given(scraps=st.lists(st.sampled_from(SCRAPS), max_size=14), value=st.sampled_from(["", "x, y", "<b>&\"'", "é\n\r\n"]))
def test_any_html_is_compiled_or_refused_and_what_is_compiled_arrives(scraps, value):
    try:
        message = compiled(html="".join(scraps), preheader="{{ a }}")
    except BrokenTemplate:
        return

    contents = message.contents({"a": value}, addressing())
    raw = message.render({"a": value}, addressing())

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 76 + len("boundary")
    if contents.html:
        without_hidden = re.sub(rf'<a href="{BASE_URL}/h/[^>]*></a>', "", html_of(raw))
        assert without_hidden.rstrip("\n") == contents.html.replace("\r", "").rstrip("\n")
        assert contents.html.count(f"{BASE_URL}/o/") == 1
    assert re.search(r"bs[0-9a-f]{10}[vb]\d+z", contents.html + contents.text) is None


def test_an_sms_is_rendered_without_escaping():
    message = compile_sms(" Hi {{ name|default('you') }} {% if vip %}& thanks{% endif %} ")

    assert message.fields == {"name", "vip"}
    assert message.render({"name": "O'Neil <3", "vip": True}) == "Hi O'Neil <3 & thanks"
    assert message.render({}) == "Hi you"


def test_an_sms_that_values_make_too_long_is_refused():
    with pytest.raises(BrokenTemplate, match="1601 characters of at most 1600"):
        compile_sms("{{ story }}").render({"story": "x" * 1601})


SVG = '<svg><a xlink:href="https://example.com/svg"><text>drawn</text></a></svg> <a href="https://example.com/">written</a>'


def test_a_link_within_a_drawing_stays_as_it_is():
    raw = rendered(html=SVG)

    assert 'xlink:href="https://example.com/svg"' in html_of(raw)
    assert [target(click) for click in clicks_in(html_of(raw))] == [(1, "https://example.com/")]
    assert "drawn" in text_of(raw)
