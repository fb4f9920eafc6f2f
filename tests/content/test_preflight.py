import pytest

from content import preflight
from content.merge import trial
from content.models import Email
from content.sms import MAX_LENGTH

KNOWN = {"email", "phone", "first_name", "points"}


def email(**changes):
    values = {
        "subject": "Good morning",
        "preheader": "What is new",
        "from_name": "Morning Post",
        "from_email": "post@news.example",
        "html": '<p>Hello {{ first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>',
    }
    return Email(**{**values, **changes})


def findings(**changes):
    """Code to (message, blocks) of what is found."""
    found = preflight.check_email(email(**changes), known_keys=KNOWN)
    assert all(finding.field == "email" for finding in found)
    return {finding.code: (finding.message, finding.blocks) for finding in found}


def page(body):
    return f'{body}<a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a>'


def test_a_sound_email_passes_without_a_word():
    assert findings() == {}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"subject": " "}, "no_subject", "no subject"),
        ({"html": "", "text": " "}, "no_body", "no content"),
        ({"from_email": ""}, "no_sender", "no sender address"),
        ({"from_email": "post"}, "invalid_sender", "post is not"),
        ({"reply_to": "desk@"}, "invalid_reply_to", "desk@ is not"),
        ({"subject": "a\r\nBcc: x@y.example"}, "line_break", "subject has a line break"),
        ({"from_name": "a\nb"}, "line_break", "from name has a line break"),
        ({"html": "<p>x</p>"}, "no_unsubscribe_link", "HTML has no unsubscribe link"),
        ({"text": "Hello"}, "no_unsubscribe_link", "Text has no unsubscribe link"),
        ({"subject": "{{ first_name"}, "broken_template", "Subject, line 1: "),
        ({"preheader": "{{ x|nope }}"}, "broken_template", "Preheader, line 1: There is no filter"),
        ({"from_name": "{% if x %}"}, "broken_template", "Sender name, line 1: {% if %} is never closed"),
        ({"html": page("<p>\n{{ a.b }}</p>")}, "broken_template", "HTML, line 2: Fields have no parts"),
        ({"html": page("\n<p {{ a }}>x</p>")}, "broken_template", "HTML, line 2: A merge tag inside an HTML tag"),
        ({"text": "{{ unsubscribe_url }}\n\n{% endif %}"}, "broken_template", "Text, line 3: "),
        ({"html": page("\n{{ email|truncate(1, 2, 3) }}")}, "broken_template", "HTML, line 2: The filter “truncate”"),
        ({"html": page("{{ 'x'|truncate(1, 2, 3) }}")}, "broken_template", "HTML: A filter cannot do this: truncate()"),
        ({"html": page("x" * 1_000_001)}, "broken_template", "HTML: This is too long"),
        (
            {"html": page("\n{% for i in range(1000) %}{% for j in range(1000) %}.{% endfor %}{% endfor %}")},
            "broken_template",
            "HTML, line 2: This takes too many steps",
        ),
        ({"merge_language": "klingon"}, "broken_template", "klingon"),
    ],
)
def test_what_must_not_go_out_blocks(changes, code, words):
    message, blocks = findings(**changes)[code]

    assert words in message
    assert blocks


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"html": page("{{ frist_name }}")}, "unknown_field", "HTML, line 1: There is no field “frist_name”"),
        ({"html": page("{{ frist_name }}")}, "unknown_field", "Did you mean first_name?"),
        ({"preheader": " "}, "no_preheader", "first words"),
        ({"subject": "x" * 71}, "long_subject", "71 characters"),
        ({"html": page(f"<p>{'words ' * 18_000}</p>")}, "gmail_clip", "106 KB"),
        ({"html": page("<img src='a.png'><img src='b.png' alt=''>")}, "image_without_alt", "An image has no"),
        ({"html": page("<img src='a.png'><img src='{{ email }}.png'>")}, "image_without_alt", "2 images have no"),
        ({"html": page("<a href='example.com/a'>x</a>")}, "link_without_scheme", "example.com/a leads nowhere"),
        ({"html": page("<a href='http://localhost:8000/a'>x</a>")}, "link_to_own_machine", "own computer"),
        ({"html": page("<a href='#'>x</a>")}, "empty_link", "leads nowhere"),
        ({"html": page("<a href='https://e.example/?a={{ email }}'>x</a>")}, "field_not_encoded", "{{ email }}"),
        ({"html": page("<style>p{margin:0}</style><p style='oops'>x</p>")}, "styles_not_inlined", "stay in the head"),
        ({"html": page("<script>alert(1)</script>")}, "script", "do not run"),
        (
            {"html": page("{% if points + 1 > 2 %}x{% endif %}")},
            "fails_without_values",
            "line 1: People without values",
        ),
    ],
)
def test_what_is_worth_a_look_warns(changes, code, words):
    message, blocks = findings(**changes)[code]

    assert words in message
    assert not blocks


@pytest.mark.parametrize(
    "body",
    [
        "<a href='#top'>x</a>",
        "<a href='mailto:a@b.example'>x</a>",
        "<a href='{{ email }}'>x</a>",
        "<a href='https://e.example/?a={{ email|urlencode }}'>x</a>",
        "{% if points|default(0) + 1 > 2 %}x{% endif %}",
        "<a href='{{ view_url }}'>x</a>",
        "{# a comment with {{ anything in it #}",
    ],
)
def test_what_is_fine_is_not_remarked_on(body):
    assert findings(html=page(body)) == {}


def test_each_unknown_field_is_named_once_and_where_it_is_first_used():
    found = preflight.check_email(email(subject="{{ nix }}", html=page("{{ nix }}\n{{ nada }}")), known_keys=KNOWN)

    assert [finding.message[:50] for finding in found if finding.code == "unknown_field"] == [
        "Subject, line 1: There is no field “nix”, so it is",
        "HTML, line 2: There is no field “nada”, so it is a",
    ]


def test_what_blocks_comes_first_and_every_broken_part_is_named():
    found = preflight.check_email(email(subject="{{", html="{{", text="{{", preheader=""), known_keys=KNOWN)

    assert [finding.blocks for finding in found] == sorted((finding.blocks for finding in found), reverse=True)
    assert [finding.message.split(",")[0] for finding in found if finding.code == "broken_template"] == [
        "Subject",
        "HTML",
        "Text",
    ]


def test_logic_that_could_not_be_tried_out_blocks(monkeypatch):
    monkeypatch.setattr(trial.sys, "executable", "/nowhere/python")
    trial.tried.cache_clear()

    message, blocks = findings(html=page("{% if first_name %}something new{% endif %}"))["not_tried"]

    assert blocks
    assert "try again" in message


def sms(body):
    found = preflight.check_sms(body, known_keys=KNOWN)
    assert all(finding.field == "sms_body" for finding in found)
    return {finding.code: (finding.message, finding.blocks) for finding in found}


@pytest.mark.parametrize(
    ("body", "code", "words", "blocks"),
    [
        (" ", "no_body", "required", True),
        ("Hi {{ name", "broken_template", "SMS, line 1: ", True),
        ("x" * (MAX_LENGTH + 1), "too_long", "1,601 characters of at most 1,600", True),
        ("x" * 161, "several_parts", "2 parts.", False),
        ("x" * 161 + "{{ email }}", "several_parts", "2 parts or more", False),
        ("ж" * 71, "several_parts", "Without ж more than twice", False),
        ("Hi {{ fist_name }}", "unknown_field", "Did you mean first_name?", False),
        ("{% if points + 1 %}x{% endif %}", "fails_without_values", "People without values", False),
    ],
)
def test_what_is_wrong_with_an_sms(body, code, words, blocks):
    message, blocking = sms(body)[code]

    assert words in message
    assert blocking is blocks


def test_a_sound_sms_passes_without_a_word():
    assert sms("Hi {{ first_name|default('there') }}, we open at 9.") == {}


FIELDS = ((5, "first_name", "First name"), (6, "city", "City"))


def findings_in(language, body, **changes):
    leave = {"octeth": "%Link:Unsubscribe%", "greenarrow": "%%unsubscribe_link%%"}[language]
    written = email(merge_language=language, html=f"<p>{body}</p>\n<a href='{leave}'>Leave</a>", **changes)
    found = preflight.check_email(written, known_keys=KNOWN, fields=FIELDS)
    return [(finding.code, finding.message, finding.blocks) for finding in found]


@pytest.mark.parametrize(
    ("language", "body"),
    [
        (
            "octeth",
            '{{ Subscriber:FirstName|"you" }} [[a|b]] {{ if Subscriber:City }}<b>x</b>{{ endif }} {{ List:Name }}',
        ),
        ("octeth", '<a href="https://x.example/?c={{ Subscriber:City }}&i=%Subscriber:SubscriberID%">x</a>'),
        ("greenarrow", "%%First Name%% %%data_campaign_id%% <a href='https://x.example/?i={subscriber_id}'>x</a>"),
    ],
)
def test_a_sound_email_in_another_language_passes_without_a_word(language, body):
    assert findings_in(language, body) == []


@pytest.mark.parametrize(
    ("language", "body", "code", "words", "blocks"),
    [
        ("octeth", "\n{{ Subscriber:FirstNam }}", "unknown_tag", "HTML, line 2: There is no tag "
         "{{ Subscriber:FirstNam }}, so it is always empty. Did you mean Subscriber:FirstName?", False),
        ("octeth", "{{ first_name }}", "unknown_tag", "Did you mean Subscriber:FirstName?", False),
        ("octeth", "%RemoteContent=https://x.example/%", "unsupported_tag", "is not fetched", True),
        ("octeth", "{{ if Subscriber:City }}", "broken_template", "HTML, line 1: {{ if Subscriber:City }} is", True),
        ("octeth", "<p {{ if Subscriber:City }}x{{ endif }}>", "broken_template", "must stand in the quotation", True),
        ("octeth", "<a href='https://x.example/?c=%Subscriber:City%'>x</a>", "field_not_encoded", "may hold", False),
        ("greenarrow", "\n%%firstname%%", "unknown_tag", "HTML, line 2: There is no code or field %%firstname%%, so it"
         " stays as it is. Did you mean %%first_name%%?", False),
    ],
)  # fmt: skip
def test_what_another_language_does_not_have_is_said(language, body, code, words, blocks):
    found = findings_in(language, body)

    assert [(each[0], each[2]) for each in found] == [(code, blocks)]
    assert words in found[0][1]


@pytest.mark.parametrize(
    ("language", "tag"), [("octeth", "%Link:Unsubscribe%"), ("greenarrow", "%%unsubscribe_link%%")]
)
def test_the_way_to_leave_is_told_in_the_words_of_the_language(language, tag):
    found = preflight.check_email(email(merge_language=language, html="<p>x</p>"), known_keys=KNOWN)

    assert any(tag in finding.message for finding in found)


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("broadsheet", "Hi %Subscriber:FirstName%", "%Subscriber:FirstName% is Octeth's language"),
        ("broadsheet", "Hi %%EmailAddress%%", "%%EmailAddress%% is GreenArrow's language"),
        ("greenarrow", "Hi {{ Subscriber:City }}", "Octeth's language; this email is written in GreenArrow's"),
        ("octeth", "{% if vip %}", "{% if is Broadsheet's language"),
    ],
)
def test_tags_of_another_language_are_told_before_they_go_out(language, subject, words):
    found = preflight.check_email(email(merge_language=language, subject=subject), known_keys=KNOWN)

    (finding,) = [finding for finding in found if finding.code == "another_language"]
    assert words in finding.message
    assert finding.message.startswith("Subject, line 1: ")
    assert not finding.blocks
