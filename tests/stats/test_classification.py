"""Every rule on what it is for, and on those it must not take for a program."""

import random
import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats import classification, networks, user_agents
from stats.classification import REASONS, of_history, of_hit
from stats.ingest import ingest
from stats.models import Event
from stats.reclassify import recheck
from tests.stats.populations import NINE, a_run
from tests.stats.test_programs import KNOWN
from tracking import spool
from tracking.spool import Hit

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "classification.md"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
IMESSAGE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
)


def a(kind, seconds=0.0, link=0, address="192.0.2.7", agent=CHROME):
    return Hit(kind, 1, 2, 3, NINE + timedelta(seconds=seconds), link, "", address, agent)


def clicked(seconds, link, **about):
    return a("clicked", seconds, link, **about)


def said(hit, settled_at=None):
    return of_hit(hit, settled_at).reason


def judged(*hits, settled_at=None):
    return [verdict.reason for verdict in of_history(hits, settled_at)]


# --- user agents -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user_agent", "opened", "followed"),
    [
        ("Mozilla/5.0", "apple_mpp", "bare_agent"),
        (user_agents.GMAIL_PREFETCH, "gmail_prefetch", "gmail_prefetch"),
        (GMAIL, "gmail_image_proxy", "gmail_image_proxy"),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "yahoo_prefetch", "crawler"),
        *[
            (user_agent, reason, reason)
            for user_agent, reason in [
                ("", "no_agent"),
                ("Mozilla/4.0", "bare_agent"),
                ("Barracuda Sentinel (EE)", "security_scanner"),
                ("Mimecast Web Security", "security_scanner"),
                ("Mozilla/5.0 (X11) HeadlessChrome/120.0.0.0 Safari/537.36", "headless_browser"),
                ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "link_preview"),
                ("WhatsApp/2.23.20.0 A", "link_preview"),
                ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "link_preview"),
                (IMESSAGE, "link_preview"),
                ("TelegramBot (like TwitterBot)", "link_preview"),
                ("curl/8.4.0", "http_library"),
                ("python-requests/2.31.0", "http_library"),
                ("Python/3.9 aiohttp/3.8.1", "http_library"),
                ("Go-http-client/2.0", "http_library"),
                ("okhttp/4.10.0", "http_library"),
                ("Java/17.0.1", "http_library"),
                ("AHC/2.1", "http_library"),
                ("Microsoft Office Existence Discovery", "office_discovery"),
                ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler"),
                ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "crawler"),
                ("Mozilla/5.0 (compatible; NobodyKnowsIt/1.0; +https://example.com/about)", "crawler"),
            ]
        ],
    ],
)
def test_programs_are_known_by_their_user_agents(user_agent, opened, followed):
    assert said(a("opened", agent=user_agent)) == opened
    assert said(clicked(0, 1, agent=user_agent)) == followed
    assert said(a("viewed", agent=user_agent)) == followed


@pytest.mark.parametrize(
    "user_agent",
    [
        *[user_agent for user_agent, client, device in KNOWN if device],
        "Mozilla/5.0 (Linux; Android 10; CUBOT X20 PRO) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Chrome/100.0 Mobile Safari/537.36 [FBAN/EMA;FBLC/de_DE]",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/119.0.0.0 Safari/537.36 Avast/119.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 300.0",
    ],
)
def test_mail_programs_and_browsers_are_peoples(user_agent):
    assert said(a("opened", agent=user_agent)) == said(clicked(0, 1, agent=user_agent)) == ""


# --- networks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "opened", "followed"),
    [
        ("209.222.82.5", "scanner_network", "scanner_network"),
        ("40.94.20.1", "", "scanner_network"),
        ("146.75.1.1", "icloud_private_relay", ""),
        ("2a02:26f7:c9c8::1", "icloud_private_relay", ""),
        ("192.0.2.7", "", ""),
        ("2001:db8::7", "", ""),
        ("", "", ""),
        ("no address", "", ""),
    ],
)
def test_networks_tell_who_fetched(address, opened, followed):
    assert said(a("opened", address=address)) == opened
    assert said(clicked(0, 1, address=address)) == followed


def test_scanners_of_ones_own_readers_can_be_named(settings):
    settings.SCANNER_NETWORKS = ["192.0.2.0/28", "2001:db8::/64", "146.75.0.0/16"]

    assert said(a("opened")) == said(a("clicked", address="2001:db8::5")) == "own_scanner"
    assert said(a("opened", address="192.0.2.16")) == ""
    assert said(a("opened", address="146.75.3.4")) == "own_scanner"


def test_apples_own_list_takes_the_place_of_the_short_one(settings, tmp_path):
    list_of_relays = tmp_path / "egress-ip-ranges.csv"
    list_of_relays.write_text("198.51.100.0/31,GB,GB-EN,London,\n2001:db8:1::/64,DE,DE-BE,Berlin,\n")
    settings.RELAY_NETWORKS_FILE = str(list_of_relays)

    assert said(a("opened", address="198.51.100.1")) == "icloud_private_relay"
    assert said(a("opened", address="2001:db8:1::9")) == "icloud_private_relay"
    assert said(a("opened", address="198.51.100.2")) == said(a("opened", address="146.75.1.1")) == ""
    assert said(a("opened", address="209.222.82.5")) == "scanner_network"


def test_a_scanners_name_comes_before_its_network_and_a_network_before_a_proxy():
    assert said(a("opened", address="209.222.82.5", agent="curl/8.0")) == "http_library"
    assert said(a("opened", address="209.222.82.5", agent="Mozilla/5.0")) == "scanner_network"
    assert said(a("opened", address="146.75.1.1", agent="Mozilla/5.0")) == "apple_mpp"


def test_the_published_networks_do_not_overlap_and_name_their_source():
    listed = [ip_network(network) for network, _ in networks.published()]
    rows = [line for line in networks.PUBLISHED.read_text().splitlines() if not line.startswith("#")][1:]

    assert not [
        (one, other) for one in listed for other in listed if one is not other and one.version == other.version
        and one.overlaps(other)
    ]  # fmt: skip
    assert {kind for _, kind in networks.published()} == {"scanner", "clicks", "relay"}
    assert all(len(row.split(",")) == 4 and row.split(",")[3] for row in rows)


# --- time --------------------------------------------------------------------------------------------------------


def test_nobody_follows_a_link_as_the_message_arrives():
    assert [said(clicked(seconds, 1), NINE) for seconds in (-4, 0, 1.9)] == ["too_soon"] * 3
    assert said(a("viewed", 1), NINE) == "too_soon"


def test_a_click_later_or_long_before_it_was_written_down_may_be_a_persons():
    """A worker died, and another wrote down an hour later that the message had been accepted."""
    assert [said(clicked(seconds, 1), NINE) for seconds in (2, 60, -6, -3600)] == [""] * 4
    assert said(clicked(0, 1), None) == ""
    assert said(a("opened", 1), NINE) == ""


def test_how_soon_is_too_soon_can_be_set(settings):
    settings.TOO_SOON_SECONDS = 0
    assert said(clicked(0, 1), NINE) == ""
    settings.TOO_SOON_SECONDS = 10
    assert said(clicked(9, 1), NINE) == "too_soon"


def test_what_is_not_judged_is_a_persons_whoever_made_it():
    for kind in ("unsubscribed", "bounced", "complained", "delivered", "converted", "forwarded"):
        assert of_hit(a(kind, agent="curl/8.0", address="209.222.82.5"), NINE) == ("human", "")
    assert of_hit(a("probed"), None) == ("bot", "hidden_link")


# --- bursts ------------------------------------------------------------------------------------------------------


def test_three_links_in_two_seconds_are_a_scanners_from_whatever_addresses():
    hits = [clicked(place, place, address=f"192.0.2.{place}") for place in range(3)]

    assert judged(*hits) == ["burst"] * 3


def test_two_links_at_once_are_a_scanners():
    assert judged(clicked(0, 1), clicked(0.1, 2)) == ["burst"] * 2


def test_people_open_one_link_after_the_other_and_click_twice():
    assert judged(clicked(0, 1), clicked(0.6, 2), clicked(2.7, 3)) == [""] * 3
    assert judged(*[clicked(place / 10, 1) for place in range(9)]) == [""] * 9


def test_what_the_same_address_does_beside_a_burst_goes_with_it():
    burst = [clicked(5 + place, place) for place in range(3)]

    near, far = a("opened", 0), a("opened", 60)
    elsewhere = clicked(9, 1, address="192.0.2.8")

    assert judged(*burst, near, far, elsewhere) == ["burst"] * 4 + ["", ""]


def test_bursts_can_be_set_and_turned_off(settings):
    hits = [clicked(place, place) for place in range(3)]
    settings.BURST_SECONDS = 1
    assert judged(*hits) == [""] * 3
    settings.BURST_LINKS = 2
    assert judged(*hits) == ["burst"] * 3
    settings.BURST_LINKS = 0
    assert judged(clicked(0, 1), clicked(0, 2), clicked(0, 3)) == [""] * 3


class Looked(list):
    """Hits that count how often somebody looks at one by its place."""

    looks = 0

    def __getitem__(self, place):
        self.looks += 1
        return super().__getitem__(place)


def test_whoever_follows_one_mails_links_all_day_is_judged_at_a_cost_that_grows_with_the_hits_alone():
    hits = Looked(clicked(place / 50, place % 3) for place in range(2000))

    assert len(classification.in_bursts(hits)) == 2000
    assert hits.looks < 20 * len(hits)


# --- the hidden link ---------------------------------------------------------------------------------------------


def test_who_follows_the_hidden_link_is_a_scanner_with_all_they_do():
    probe = a("probed", 0, address="198.51.100.9")

    assert judged(
        probe,
        a("opened", 900, address="198.51.100.9"),
        clicked(5, 1, address="203.0.113.1"),
        clicked(900, 1, address="203.0.113.1"),
        a("opened", 5, address="203.0.113.1"),
        clicked(950, 2, address="198.51.100.9", agent="Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Firefox/125.0"),
    ) == ["hidden_link", "hidden_link", "hidden_link", "", "", ""]


# --- all together ------------------------------------------------------------------------------------------------

kinds = st.sampled_from(["opened", "clicked", "clicked", "clicked", "viewed", "probed", "unsubscribed"])
histories = st.lists(
    st.builds(
        a,
        kinds,
        st.integers(0, 120).map(lambda quarter: quarter / 4),
        st.integers(1, 4),
        st.sampled_from(["192.0.2.1", "192.0.2.2", "146.75.1.1", "40.94.1.1", ""]),
        st.sampled_from([CHROME, CHROME, GMAIL, "Mozilla/5.0", "curl/8.0"]),
    ),
    max_size=12,
)


@given(histories, st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_the_order(hits, chance):
    order = list(range(len(hits)))
    chance.shuffle(order)

    shuffled = of_history([hits[place] for place in order], NINE)

    assert [shuffled[order.index(place)] for place in range(len(hits))] == of_history(hits, NINE)


@given(histories)
def test_a_program_stays_one_whatever_else_is_known(hits):
    for hit, verdict in zip(hits, of_history(hits, NINE), strict=True):
        assert REASONS[verdict.reason][0] == verdict.agent
        if of_hit(hit, NINE).agent == "bot":
            assert verdict == of_hit(hit, NINE)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_what_is_stored_does_not_depend_on_how_hits_arrive(seed):
    """In chunks of any size and in any order, as from several web servers whose spools are read one after another."""
    chance = random.Random(seed)
    reader = a_run(people=1).recipients.get()
    moments = [5, 5.5, 6, *(chance.uniform(0, 40) for _ in range(12))]
    hits = [
        Hit(
            "clicked" if place < 3 else chance.choice(["opened", "clicked", "viewed"]),
            *(reader.run_id, reader.pk, reader.subscriber_id),
            NINE + timedelta(seconds=moment),
            place + 1 if place < 3 else chance.randint(1, 4),
            "",
            chance.choice(["192.0.2.1", "192.0.2.2"]),
            CHROME,
        )
        for place, moment in enumerate(moments)
    ]
    expected = {(hit.at, hit.kind): verdict for hit, verdict in zip(hits, of_history(hits, None), strict=True)}
    chance.shuffle(hits)
    while hits:
        for hit in (hits.pop() for _ in range(min(len(hits), chance.randint(1, 3)))):
            spool.append(hit)
        ingest()

    stored = {(event.at, event.kind): (event.agent, event.agent_reason) for event in Event.objects.all()}
    assert stored == expected
    assert any(reason == "burst" for _, reason in stored.values())


@pytest.mark.django_db
def test_a_flood_on_one_mail_is_not_judged_again_with_every_chunk(monkeypatch):
    """Each hit then counts as what it says by itself; `reclassify` judges them as a whole."""
    monkeypatch.setattr("stats.ingest.MOST_HITS_JUDGED_AGAIN", 3)
    reader = a_run(people=1).recipients.get()

    def follow(*links):
        for link in links:
            at = NINE + timedelta(hours=link)
            spool.append(
                Hit("clicked", reader.run_id, reader.pk, reader.subscriber_id, at, link, "", "192.0.2.1", CHROME)
            )
            spool.append(Hit("clicked", reader.run_id, reader.pk, reader.subscriber_id, at, link + 9, "", "", CHROME))
        ingest()

    follow(1)
    follow(2)

    assert sorted(Event.objects.values_list("agent_reason", flat=True)) == ["", "", "burst", "burst"]
    recheck([reader.pk])
    assert set(Event.objects.values_list("agent_reason", flat=True)) == {"burst"}


# --- what is written of it ---------------------------------------------------------------------------------------


def test_every_reason_is_documented_and_no_other():
    rows = re.findall(r"^\| `([\w()]+)` \| (\w+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)

    assert {name.strip("()") if name != "(none)" else "": (agent, text) for name, agent, text in rows} == REASONS


def test_every_rule_says_where_it_comes_from_and_gives_a_reason_that_exists():
    rules = [*user_agents.RULES, classification.of_network, classification.is_too_soon]
    rules += [classification.in_bursts, classification.beside_hidden_link]

    assert all(len(rule.__doc__ or "") > 80 for rule in rules)
    assert {rule.__name__ for rule in user_agents.RULES} <= set(REASONS)
    assert all(len(reason) <= Event._meta.get_field("agent_reason").max_length for reason in REASONS)
