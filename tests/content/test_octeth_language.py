"""Octeth's language: what its tags become, by the tables and examples of its documentation. Pure."""

from html import escape

import pytest

from content.errors import BrokenTemplate
from content.merge import values
from content.merge.bodies import body_of, program_body
from content.merge.engine import escaped
from content.merge.languages import parsed_part
from content.merge.markup_values import as_text
from content.merge.octeth_tags import tags
from tests.content.sources import addressing, compiled, html_of, text_of

FIELDS = (
    (5, "first_name", "First name"),
    (6, "city", "City"),
    (7, "birth_date", "Birth date"),
    (8, "country", "Country"),
    (9, "bio", "Bio"),
    (10, "points", "Points"),
)
SARAH = {
    "email": "sarah@example.com",
    "first_name": "sarah connor",
    "city": "Ulm",
    "birth_date": "2024-12-25",
    "country": "United States",
    "bio": "Reads everything that is not nailed down, twice.",
    "points": 1234.5,
}
SYSTEM = {
    "__now": "2024-12-25T14:30:00+01:00",
    "__subscriber_id": 6,
    "__seed": "3:6",
    "__subscribed_at": "2024-03-01T08:05:09",
    "__subscribed_ip": "192.0.2.7",
    "__confirmed_at": "2024-03-01T09:00:00",
    "__campaign_id": 12,
    "__campaign_name": "Spring",
    "__list_id": 4,
    "__list_name": "Morning",
    "__organization_name": "Post Ltd",
    "__organization_address": "1 Mill Lane, Ulm",
    "__organization_timezone": "Europe/Berlin",
    "__author_first_name": "Ada",
    "__author_last_name": "Byron",
    "__author_email": "ada@post.example",
    "__from_name": "Morning Post",
    "__from_email": "post@news.example",
    "__envelope_domain": "bounces.example",
}


def parsed(source, part="text"):
    return parsed_part(source, language="octeth", part=part, fields=FIELDS)


def said(source, part="text", /, **person):
    """What a part says to Sarah, without what a mail adds."""
    found = parsed(source, part)
    context = values.context_of({**SARAH, **SYSTEM, **person}, found.fields)
    escape = escaped if part == "html" else as_text
    return body_of(found.segments, escape=escape).render(context)


def html(source, /, *, tracked=False, **person):
    message = compiled(merge_language="octeth", html=source, fields=FIELDS, tracked=tracked)
    return html_of(message.render({**SARAH, **person}, addressing(system=SYSTEM)))


def remarks(source, part="html"):
    return [(remark.code, remark.line) for remark in parsed(source, part).remarks]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ Subscriber:EmailAddress }}", "sarah@example.com"),
        ("{{Subscriber:EmailAddress}} %Subscriber:EmailAddress% %EmailAddress%", " ".join(["sarah@example.com"] * 3)),
        ("{{{ Subscriber:FirstName }}}", "sarah connor"),
        ("{{ Subscriber:CustomField5 }}, {{ Subscriber:first_name }}", "sarah connor, sarah connor"),
        ("{{ Subscriber:SubscriberID }}", "6"),
        ("{{ Subscriber:HashedSubscriberID }}", "1679091c5a880faf6fb5e6087eb1b2dc"),
        ("{{ Subscriber:SubscriptionDate }}", "2024-03-01 08:05:09"),
        ("{{ Subscriber:SubscriptionIP }}", "192.0.2.7"),
        ("{{ Subscriber:OptInDate }}", "2024-03-01 09:00:00"),
        ("{{ Subscriber:Status }}, {{ Subscriber:SubscriptionStatus }}", "Subscribed, Subscribed"),
        ("{{ Subscriber:BounceType }}", "Not Bounced"),
        ("{{ User:FirstName }} {{ User:LastName }}, {{ User:CompanyName }}", "Ada Byron, Post Ltd"),
        ("{{ User:EmailAddress }}, {{ User:TimeZone }}", "ada@post.example, Europe/Berlin"),
        ("{{ User:Street }}{{ User:City }}{{ User:State }}{{ User:Zip }}{{ User:Country }}", "1 Mill Lane, Ulm"),
        ("{{ User:Website }}{{ User:Phone }}{{ User:Fax }}", ""),
        ("{{ List:ListID }} {{ List:Name }}", "4 Morning"),
        ("{{ List:SenderName }} {{ List:SenderEmailAddress }}", "Morning Post post@news.example"),
        ("{{ List:SenderAddress }} {{ List:SenderCompany }}", "1 Mill Lane, Ulm Post Ltd"),
        ("{{ Campaign:CampaignID }} {{ Campaign:Name }}", "12 Spring"),
        ("{{ Campaign:HashedCampaignID }}", "c20ad4d76fe97759aa27a0c99bff6710"),
        ("%MFROMDomain%", "bounces.example"),
        # fallbacks
        ('{{ Subscriber:FirstName|"there" }}', "sarah connor"),
        ('{{ Subscriber:Nickname|"there" }}{{ Subscriber:Nickname }}%Subscriber:Nickname%', "there"),
        ('{{Subscriber:FirstName  |  "there"}}', "sarah connor"),
        ('Your company: {{{ Subscriber:CompanyName|"N/A" }}}', "Your company: N/A"),
        ('{{ uppercase Subscriber:City|"UNKNOWN" }}', "ULM"),
        ('{{ dateFormat-F_j,_Y Subscriber:Nickname|"No date provided" }}', "No date provided"),
        # dates
        ("{{ dateFormat-Y-m-d Subscriber:BirthDate }}", "2024-12-25"),
        ("{{ dateFormat-F_j,_Y Subscriber:BirthDate }}", "December 25, 2024"),
        ("{{ dateFormat-M_d Subscriber:BirthDate }}", "Dec 25"),
        ("{{ dateFormat-d/m/Y Subscriber:BirthDate }}", "25/12/2024"),
        ("{{ dateFormat-F_j,_Y Subscriber:SubscriptionDate }}", "March 1, 2024"),
        ("{{ dateFormat-Y Now }}", "2024"),
        ("%Date=Y-m-d%", "2024-12-25"),
        ("%Date=F j, Y%", "December 25, 2024"),
        ("%Date=D, d M Y%", "Wed, 25 Dec 2024"),
        ("%Date=l%", "Wednesday"),
        ("%Date=h:i A%", "02:30 PM"),
        (r"%Date=jS \o\f F, N w z t L o y%", "25th of December, 3 3 359 31 1 2024 24"),
        ("%Date=n g G H s a W e%", "12 2 14 14 00 pm 52 UTC+01:00"),
        ("%Date=U c O P%", "1735133400 2024-12-25T14:30:00+01:00 +0100 +01:00"),
        # conditions
        ("{{ if Subscriber:City }}a{{ else }}b{{ endif }}", "a"),
        ("{{ if Subscriber:Nickname }}a{{ else }}b{{ endif }}", "b"),
        ("{{ if Subscriber:Country=united states }}a{{ else }}b{{ endif }}", "a"),
        ("{{ if Subscriber:Country<>United States }}a{{ else }}b{{ endif }}", "b"),
        ("{{ if Subscriber:Country!=France }}a{{ endif }}", "a"),
        ("{{ if Subscriber:Points > 999 }}a{{ endif }}{{ if Subscriber:Points<=1234.50 }}b{{ endif }}", "ab"),
        ("{{if Subscriber:City<>}}a{{endif}}{{ if Subscriber:Nickname<> }}b{{ endif }}", "a"),
        ("[IF:%Subscriber:Country%=United States]a[ELSE]b[ENDIF]", "a"),
        ('[IF:%Subscriber:FirstName%!=""]Hello %Subscriber:FirstName%,[ELSE]Hello,[ENDIF]', "Hello sarah connor,"),
        ('[IF:%Subscriber:Nickname%!=""]a[ENDIF][IF:%Subscriber:Nickname%=""]b[ENDIF]', "b"),
        ("{{ if Subscriber:City=Ulm }}{{ if Subscriber:Points>5 }}a{{ endif }}b{{ endif }}", "ab"),
        ("{{ if Subscriber:City }}" * 5 + "a" + "{{ endif }}" * 5, "a"),
        ("{{ if Subscriber:City=Ulm }}[IF:%Subscriber:Points%>5]a[ENDIF]{{ endif }}", "a"),
        ("{{#unless_unsubscribe}}stays{{/unless_unsubscribe}}", "stays"),
        # modifiers
        ("[TITLE:sarah connor] [UPPER:sarah connor] [LOWER:SARAH CONNOR]", "Sarah Connor SARAH CONNOR sarah connor"),
        ("Dear [TITLE:%Subscriber:FirstName% o'neil],", "Dear Sarah Connor O'neil,"),
        ("[UPPER:a {{ Subscriber:City }} {{ if Subscriber:City }}b{{ endif }}]c", "A ULM Bc"),
        ("[UPPER:a [LOWER:B], [LOWER:C", "[UPPER:a b, [LOWER:C"),
        # spin
        ("[[one|one]]", "one"),
        ("[[{{ Subscriber:City }}|{{ Subscriber:City }}]]!", "Ulm!"),
        ("{{{one|one|one}}}", "one"),
        ("[UPPER:[[x|x]]] [[[UPPER:y]|[UPPER:y]]]", "X Y"),
        ("[[alone]] [x] a|b ]] [[", "[[alone]] [x] a|b ]] [["),
        # what is no tag
        ("50% off, 20%OFF%, 100% Subscriber:FirstName %", "50% off, 20%OFF%, 100% Subscriber:FirstName %"),
        ("[ELSE] [ENDIF] <![ENDIF]-->", "[ELSE] [ENDIF] <![ENDIF]-->"),
        ("{ Subscriber:FirstName } {{", "{ Subscriber:FirstName } {{"),
    ],
)  # fmt: skip
def test_a_tag_says_what_it_is_documented_to_say(source, text):
    assert said(source) == text


@pytest.mark.parametrize(
    ("helper", "value", "text"),
    [
        ("uppercase", "sarah connor", "SARAH CONNOR"),
        ("upcase", "ß", "SS"),
        ("lowercase", "SARAH CONNOR", "sarah connor"),
        ("downcase", "É", "é"),
        ("capitalize", "sarah connor", "Sarah connor"),
        ("capitalizeAll", "SARAH connor", "Sarah Connor"),
        ("titleize", "sarah connor", "Sarah Connor"),
        ("camelcase", "first name", "firstName"),
        ("pascalcase", "first name", "FirstName"),
        ("dashcase", "firstName", "first-name"),
        ("dotcase", "firstName", "first.name"),
        ("snakecase", "firstName", "first_name"),
        ("trim", "  a  ", "a"),
        ("trimLeft", "  a  ", "a  "),
        ("trimRight", "  a  ", "  a"),
        ("ellipsis", "x" * 21, "x" * 20 + "..."),
        ("ellipsis", "x" * 20, "x" * 20),
        ("ellipsis-3", "abcd", "abc..."),
        ("truncate", "x" * 25, "x" * 20),
        ("truncate-2", "abc", "ab"),
        ("truncateWords", "a b c d e f", "a b c d e"),
        ("truncateWords-2", "a  b c", "a b"),
        ("urlEncode", "a b&c", "a+b%26c"),
        ("encodeURI", "a b&c", "a%20b%26c"),
        ("decodeURI", "a%20b%0D%0Ac%00", "a b\nc"),
        ("raw", "a", "a"),
        ("number_format", "1234567.5", "1,234,568"),
        ("number_format-2", "1234.5", "1,234.50"),
        ("number_format", "many", "0"),
        ("number_format-1", "", "0"),
        ("wordwrap-5", "aa bb ccccccc", "aa bb\nccccc\ncc"),
        ("md5", "a", "0cc175b9c0f1b6a831c399e269772661"),
        ("sha1", "a", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("nl2br", "a\nb", "a\nb"),
        ("no_such", "a", "a"),
    ],
)
def test_a_helper_does_what_it_is_documented_to_do(helper, value, text):
    assert said(f"{{{{ {helper} Subscriber:Bio }}}}", bio=value) == text


def test_values_are_escaped_in_html_and_encoded_in_addresses():
    page = html(
        '<p title="{{ Subscriber:FirstName }}">{{ Subscriber:FirstName }} %Subscriber:FirstName%</p>'
        '<a href="https://x.example/?n={{ Subscriber:FirstName }}&m=%Subscriber:City%">go</a>'
        '<a href="{{ Subscriber:Bio }}">site</a><a href="%Subscriber:City%">bad</a>',
        first_name="<b>\"&'",
        city="javascript:alert(1)",
        bio="https://own.example/?a=1",
    )

    assert escape("<b>\"&'") + " " + escape("<b>\"&'") in page
    assert 'title="&lt;b&gt;&quot;&amp;' in page
    assert "https://x.example/?n=%3Cb%3E%22%26%27&amp;m=javascript:alert(1)" in page
    assert 'href="https://own.example/?a=1"' in page
    assert 'href="javascript' not in page


def test_a_field_that_is_html_is_shown_without_what_could_hurt():
    offer = "<b>Now</b> & <a href='javascript:x'>go</a><script>x</script></div><p onclick=x>open"
    source = '<div title="{{{ Subscriber:Bio }}}">{{{ Subscriber:Bio }}}|{{ raw Subscriber:Bio }}</div><i>after</i>'
    page = html(source, bio=offer)

    assert page.count("<b>Now</b> &amp; ") == 2
    assert "script" not in page.split("title=")[0] + page.split('">', 1)[1]
    assert "onclick" not in page.split('">', 1)[1]
    assert page.count("<p>open</p>") == 2
    assert "</div><i>after</i>" in page
    assert f'title="{escape(offer)}"' in page


def test_a_text_part_made_from_html_has_no_elements_in_it():
    message = compiled(merge_language="octeth", html="<p>{{{ Subscriber:Bio }}}!</p>", fields=FIELDS)
    raw = message.render({"bio": "<b>Now</b><br>&amp; then"}, addressing())

    assert "Now\n& then!" in text_of(raw)
    assert said("{{{ Subscriber:Bio }}}", bio="<b>x</b>") == "<b>x</b>"


def test_lines_become_breaks_in_html_only():
    assert html("<p>{{ nl2br Subscriber:Bio }}</p>", bio="a<\nb").count("a&lt;<br />\nb") == 1
    assert said("{{ nl2br Subscriber:Bio }}", "html", bio="a") == "a"


def test_nobody_can_write_the_mark_of_markup():
    assert html("<p>{{ Subscriber:Bio }}</p>", bio="\x0e<b>\x0f").count("<b>") == 0


def test_the_links_lead_to_our_pages():
    page = html(
        '<a href="%Link:Unsubscribe%">a</a><a href="{{ Link:WebBrowser }}">b</a><a href="{{ Link:Forward }}">c</a>'
        '<a href="{{{ Link:SubscriberArea }}}">d</a><a href="%Link:Suppression%">e</a>'
        '<a href="%Link:ReportAbuse%">f</a>'
        '<a href="https://x.example/?u={{ urlEncode Link:WebBrowser }}">g</a>',
        tracked=True,
    )

    for letter, place in zip("abcdefg", ["/u/", "/w/", "/f/", "/p/", "/u/", "/u/", "/c/"], strict=True):
        assert f">{letter}</a>" in page.split(f"https://mail.news.example{place}", 1)[1]
    assert 'href="https://mail.news.example/u/' in page


def test_a_link_that_asks_for_it_is_not_tracked():
    page = "<a class='big no-link-track' href='https://x.example/'>a</a><a href='https://y.example/'>b</a>"
    message = compiled(merge_language="octeth", html=page)
    raw = message.render({}, addressing())

    assert [link.url for link in message.links] == ["https://y.example/"]
    assert 'href="https://x.example/"' in html_of(raw)
    assert "<https://x.example/>" in text_of(raw)


def test_a_link_stands_in_no_subject():
    assert said("a%Link:Unsubscribe%b", "subject") == "ab"
    assert remarks("x\n%Link:Unsubscribe%", "subject") == [("unsupported_tag", 2)]


def test_a_subject_is_one_line_whatever_a_field_holds():
    message = compiled(merge_language="octeth", subject="Hi {{ decodeURI Subscriber:FirstName }}", fields=FIELDS)
    raw = message.render({"first_name": "a%0D%0ABcc: x@y.example\r\nBcc: z@y.example"}, addressing())

    assert b"\nBcc" not in raw


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("{{ Subscriber:FirstName }} %Link:Unsubscribe% [[a|b]]", []),
        ("\n{{ Subscriber:Nickname }}", [("unknown_tag", 2)]),
        ("{{ Subscriber:firstname }}", [("unknown_tag", 1)]),
        ("{{ name }}", [("unknown_tag", 1)]),
        ("{{ shout Subscriber:FirstName }}", [("unknown_tag", 1)]),
        ("{{ Subscriber:FirstName|there }}", [("unknown_tag", 1)]),
        ("{{ User:Fax }}", [("unsupported_tag", 1)]),
        ("{{ Event:Property:productName }}", [("unsupported_tag", 1)]),
        ("%Link:Confirm%", [("unsupported_tag", 1)]),
        ("%RemoteContent=https://x.example/?e=%Subscriber:EmailAddress%%", [("unsupported_tag", 1)]),
        ("%RemoteContentBeforeSend=https://x.example/%", [("unsupported_tag", 1)]),
        ("{{ if Subscriber:Nickname=x }}a{{ endif }}", [("unknown_tag", 1)]),
        ("{{ if Subscriber:City<>Ulm }}a{{ endif }}", [("unequal", 1)]),
    ],
)
def test_what_is_not_known_is_named_with_its_line(source, found):
    assert remarks(source) == found


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("\n{{ if Subscriber:City }}", 2, "never closed"),
        ("[IF:%Subscriber:City%=x]", 1, "never closed"),
        ("{{ endif }}", 1, "without a beginning"),
        ("{{ else }}", 1, "without a beginning"),
        ("{{ if Subscriber:City }}[IF:%Subscriber:City%=x]{{ endif }}[ENDIF]", 1, "inside"),
        ("{{ if Subscriber:City }}{{ else }}{{ else }}{{ endif }}", 1, "else already"),
        ("{{ if City = 3 }}{{ endif }}", 1, "cannot be read"),
        ("{{ elseif Subscriber:City }}", 1, "There is no"),
        ("[[a{{ if Subscriber:City }}|b]]{{ endif }}", 1, "ends outside"),
        ("{{ if Subscriber:City }}" * 30 + "{{ endif }}" * 30, 1, "At most 20"),
        ("x" * 1_000_001, None, "too long"),
        ("[[" + "|" * 50_001, None, "more than"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(source, line, words):
    with pytest.raises(BrokenTemplate, match=words) as refused:
        parsed(source)
    assert refused.value.line == line


def test_a_field_is_found_by_its_alias_however_its_key_came_of_it():
    fields = ((1, "zipcode", "ZIP"), (2, "first_name", "First"), (3, "status", "Status"))
    source = (
        "%Subscriber:ZIPCode% %Subscriber:First_Name% %Subscriber:Zipcode% %Subscriber:Status% %Subscriber:firstname%"
    )
    found = parsed_part(source, language="octeth", part="text", fields=fields)
    person = {"zipcode": "89073", "first_name": "Ann", "status": "gold"}

    assert body_of(found.segments).render(person) == "89073 Ann 89073 gold "
    assert "Did you mean Subscriber:FirstName?" in found.remarks[0].message
    assert [tag.label for tag in tags(fields) if "Subscriber:Status " in tag.tag] == ["Status"]


def test_chance_is_the_same_for_the_same_person_in_the_same_run():
    source = (
        "[[a|b|c|d|e|f|g|h]] %Random:Letters:6% %Random:Numbers:4% %Random:Alpha:8% "
        "%Random:FirstName% %Random:LastName%"
    )
    drawn = {number: said(source, __seed=f"3:{number}") for number in range(20)}

    assert drawn == {number: said(source, __seed=f"3:{number}") for number in range(20)}
    assert len({text[0] for text in drawn.values()}) > 4
    assert len({text.split(" ", 1)[1] for text in drawn.values()}) == 20
    assert said("[[a|b|c|d|e|f|g|h]][[a|b|c|d|e|f|g|h]]" * 4) != said("[[a|b|c|d|e|f|g|h]]") * 8
    assert len(said("%Random:Numbers:9999%")) == 100


def test_words_to_choose_from_are_a_slot_and_others_are_logic():
    assert not parsed("[[Tom &amp; Jerry|Tom &amp; Jerry]]", "html").has_logic
    assert parsed("[[<b>a</b>|b]]", "html").has_logic
    assert said("[[Tom &amp; Jerry|Tom &amp; Jerry]]", "html") == "Tom &amp; Jerry"
    assert said("[[<b>a</b>|<b>a</b>]]", "html") == "<b>a</b>"


def test_modifiers_leave_html_as_it_is():
    source = "[UPPER:<b class='x'>a &amp; b</b><a href='%Link:Unsubscribe%' title='{{ Subscriber:City }}'>c</a>]"

    assert "<B" not in html(source)
    assert '<b class="x">A &amp; B</b>' in html(source)
    assert 'title="Ulm">C</a>' in html(source)


def test_editors_may_write_entities_into_tags():
    assert (
        said("{{ Subscriber:Nickname|&quot;you&quot; }}{{&nbsp;if Subscriber:Points &gt; 5&nbsp;}}a{{ endif }}", "html")
        == "youa"
    )


def test_both_ways_of_rendering_say_the_same():
    source = (
        '{{ uppercase Subscriber:FirstName|"x" }} [[a|b]] %Date=Y% {{ ellipsis-3 Subscriber:Bio }} '
        "{{{ Subscriber:Bio }}}"
    )
    found = parsed(source, "html")
    context = values.context_of({**SARAH, **SYSTEM, "bio": "<b>x</b> & y"}, found.fields)

    assert not found.has_logic
    assert body_of(found.segments, escape=escaped).render(context) == program_body(
        found.segments, escape=escaped
    ).render(context)


def test_the_tags_are_listed_and_each_can_be_written():
    listed = tags(FIELDS)

    assert {"{{ Subscriber:FirstName }}", "%Link:Unsubscribe%", "{{ User:CompanyName }}"} <= {tag.tag for tag in listed}
    assert len({tag.tag for tag in listed}) == len(listed)
    for tag in listed:
        found = parsed(tag.tag)
        empty = "Always empty" in tag.description
        assert [remark.code for remark in found.remarks] == (["unsupported_tag"] if empty else [])
