"""Which links get parameters for web analytics, and what their addresses are with them."""

from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from content.analytics import Analytics, hosts_in, joined, require_hosts
from content.compile import compile_email
from content.links import Link
from content.tokens import LinkToken, link_token, read_link_token
from tests.content.sources import BASE_URL, Source, addressing, html_of, text_of
from tests.content.test_compile import clicks_in
from tests.examples import examples

PAGE = "https://www.example.com/story"
OURS = Analytics(("example.com",), "Spring & summer", "Broadsheet", "email")
ADDED = "utm_source=Broadsheet&utm_medium=email&utm_campaign=Spring%20%26%20summer"
words = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.sampled_from(["a", "utm_source", "UTM_Medium", "utm%5Fcampaign", "utm_content", ""])
pairs = st.builds(lambda name, value: f"{name}={quote(value)}", names, words)
queries = st.lists(pairs, max_size=4).map("&".join)


def tagged(url, term=""):
    return joined(url, OURS.parameters_for(url, term))


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (PAGE, f"{PAGE}?{ADDED}"),
        (f"{PAGE}?", f"{PAGE}?{ADDED}"),
        (f"{PAGE}?a=%20&c;d", f"{PAGE}?a=%20&c;d&{ADDED}"),
        (f"{PAGE}?a&", f"{PAGE}?a&{ADDED}"),
        (f"{PAGE}#/route?x=1", f"{PAGE}?{ADDED}#/route?x=1"),
        ("https://EXAMPLE.com.:8080", f"https://EXAMPLE.com.:8080?{ADDED}"),
        (f"{PAGE}?utm_campaign=mine", f"{PAGE}?utm_campaign=mine&utm_source=Broadsheet&utm_medium=email"),
        ("https://notexample.com/", "https://notexample.com/"),
        ("https://example.com.evil.example/", "https://example.com.evil.example/"),
        ("https://[example.com/", "https://[example.com/"),
    ],
)
def test_a_link_of_these_hosts_gets_what_its_query_lacks(url, wanted):
    assert tagged(url) == wanted


@given(query=queries, fragment=st.sampled_from(["", "#", "#top", "#/a?utm_source=x"]), term=words)
@settings(max_examples=examples(150))
def test_what_was_written_stays_byte_for_byte_and_every_parameter_is_there_once(query, fragment, term):
    url = f"{PAGE}?{query}{fragment}"
    result = tagged(url, term)

    assert result.startswith(f"{PAGE}?{query}")
    assert result.endswith(fragment)
    written, now = (parse_qsl(urlsplit(each).query, keep_blank_values=True) for each in (url, result))
    named = {name.lower() for name, _ in written}
    ours = {"utm_source": "Broadsheet", "utm_medium": "email", "utm_campaign": OURS.campaign, "utm_term": term}
    assert now == written + [(name, value) for name, value in ours.items() if value and name not in named]
    assert tagged(result, term) == result


@given(url=words.map(lambda rest: f"https://example.com/{quote(rest)}"), added=words, converts=st.booleans())
@settings(max_examples=examples(100))
def test_a_token_holds_the_url_and_what_is_added_apart(url, added, converts):
    token = link_token(run_id=7, position=2, url=url, converts=converts, added=added)

    assert read_link_token(token) == LinkToken(7, 2, url, converts, added)


def test_a_setting_is_read_with_lines_and_commas_and_in_any_case():
    assert hosts_in(" Example.com\r\nshop.example,  münchen.example,example.com.\n") == (
        "example.com",
        "shop.example",
        "xn--mnchen-3ya.example",
    )
    assert Analytics.of(" \n", "Spring") is None
    assert Analytics.of("*", "Spring").covers("https://anything.example/")
    require_hosts("*")


@pytest.mark.parametrize(
    "written",
    [
        *("https://example.com", "example.com/a", "*.example.com", "a..b", "-a.example", ".", "a\x00"),
        *(pytest.param("a" * 254, id="a name too long"), pytest.param("a," * 3000, id="too many")),
    ],
)
def test_what_is_no_host_name_is_refused(written):
    with pytest.raises(ValidationError, match="host"):
        require_hosts(written)


# --- in a mail ---------------------------------------------------------------------------------------------------

MAIL = f'''<a href="{PAGE}?a=1&amp;b=2#top">Read <b>the
story</b></a> <a href="{PAGE}" title="Our shop"><img src="x.png"></a> <a href="{PAGE}">Hi {{{{ first_name }}}}</a>
<a href="{PAGE}?e={{{{ email|urlencode }}}}&amp;q=">you</a> <a href="https://other.example/">x</a>
<a class="no-link-track" href="{PAGE}/plain">x</a>'''
TERMS = ["Read%20the%20story", "Our%20shop", "", "you", None]


def tokens_in(body):
    return [read_link_token(link) for _, link in clicks_in(body)]


@pytest.mark.parametrize("logic", ["", "{% if true %}!{% endif %}"], ids=["slots", "program"])
def test_a_mail_signs_the_parameters_beside_urls_as_they_were_written(logic):
    source = Source(html=MAIL + logic)
    message = compile_email(source, run_id=3, base_url=BASE_URL, analytics=OURS)
    raw = message.render({"email": "a&utm_source=b@x.example"}, addressing())
    html, text = tokens_in(html_of(raw)), tokens_in(text_of(raw))

    wanted = ["" if term is None else f"{ADDED}&utm_term={term}" if term else ADDED for term in TERMS]
    assert [token.added for token in html] == wanted
    assert {(token.position, token.added) for token in text} <= {(token.position, token.added) for token in html}
    assert message.links == compile_email(source, run_id=3, base_url=BASE_URL).links
    assert message.links[0] == Link(1, f"{PAGE}?a=1&b=2#top")
    assert f'href="{PAGE}/plain"' in html_of(raw)


def test_a_link_that_would_get_too_long_leads_where_it_did():
    source = Source(html=f'<a href="{PAGE}?{"x" * 4050}">x</a>')
    message = compile_email(source, run_id=3, base_url=BASE_URL, analytics=OURS)

    [token] = tokens_in(html_of(message.render({}, addressing())))

    assert token.added == ""
