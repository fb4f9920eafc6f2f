"""What a user agent says of who makes a hit. Pure.

Programs that are common and say who they are stand in ua-parser's list (a maintained one); the rules here are for
those that it does not know, and for those that mean something else in mail than on a web page. Each rule gets the user
agent and whether the hit is an open, and answers with its reason, or with "" where it has nothing to say. The first
that speaks decides.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import ua_parser

STUBS = {"Mozilla/5.0", "Mozilla/4.0", "Mozilla", "-"}
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0"
)
SCANNERS = re.compile(
    r"barracuda|mimecast|proofpoint|urldefense|safe ?links|microsoft defender|windows-defender|cisco ?secure|ironport"
    r"|symantec|messagelabs|forcepoint|websense|fireeye|trellix|trend ?micro|\btmes\b|fortimail|fortiguard|sophos"
    r"|spamexperts|hornetsecurity|vade ?secure|cloudmark|checkphish|virustotal|urlscan|mailguard|spamtitan",
    re.IGNORECASE,
)
HEADLESS = re.compile(r"headless|phantomjs|puppeteer|playwright|selenium|slimerjs|htmlunit", re.IGNORECASE)
PREVIEWS = re.compile(
    r"slackbot|slack-imgproxy|^whatsapp/|facebookexternalhit|facebookcatalog|facebot|twitterbot|linkedinbot"
    r"|telegrambot|discordbot|skypeuripreview|bingpreview|iframely|embedly|vkshare|google-pagerenderer|^viber/\d"
    r"|snap url preview|microsoft teams preview|mattermost-bot|redditbot|pinterestbot|bitlybot|quora link preview",
    re.IGNORECASE,
)
LIBRARIES = re.compile(
    r"^(?:curl|wget|libcurl|python|java|okhttp|axios|node-fetch|node|undici|got|guzzlehttp|php|ruby|faraday|perl|dart"
    r"|ahc|rest-client|restsharp|httpie|hackney|reqwest|lwp|libwww-perl|winhttp|aiohttp|httpx|postmanruntime"
    r"|scrapy|typhoeus|mechanize|powershell)\b"
    r"|python-(?:requests|urllib|httpx)|aiohttp/|go-http-client|apache-httpclient|lua-resty-http|node-superagent"
    r"|windowspowershell",
    re.IGNORECASE,
)
OFFICE = re.compile(r"microsoft office (?:existence|protocol) discovery|ms-office;? existence", re.IGNORECASE)
# A program that leaves an address to read about it; no browser does.
CRAWLERS = re.compile(r"\+https?://|\b(?:crawler|spider)\b", re.IGNORECASE)
Rule = Callable[[str, bool], str]


def no_agent(user_agent: str, is_open: bool) -> str:
    """Every browser and mail program says what it is (RFC 9110, section 10.1.5, asks them to). Scanners of Microsoft
    and others often do not. Wrong for the few people who have their browser keep silent."""
    return "" if user_agent.strip() else "no_agent"


def apple_mpp(user_agent: str, is_open: bool) -> str:
    """Apple's Mail Privacy Protection loads all pictures by way of its relays when the mail arrives, and says no more
    than this of itself (wordtothewise.com, "Apple MPP reporting and geolocation", 2021). Whether somebody looks at the
    mail is not known, so that readers are among them."""
    return "apple_mpp" if is_open and user_agent == "Mozilla/5.0" else ""


def bare_agent(user_agent: str, is_open: bool) -> str:
    """A user agent that stops where a browser's begins. Apple loads pictures with it and follows no links, so that
    whoever does is a program. No person's browser is known to send it."""
    return "bare_agent" if user_agent.strip() in STUBS else ""


def gmail_prefetch(user_agent: str, is_open: bool) -> str:
    """Gmail loads pictures once before it shows a mail that arrives while the mailbox is open, always with this user
    agent of 2015 (sparkpost.com, "Gmail is Prefetching Images", 2022: 1 to 6 % of Gmail's opens). The reader's own open
    comes later, through the picture proxy. Nobody has this Edge any more."""
    return "gmail_prefetch" if user_agent == GMAIL_PREFETCH else ""


def gmail_image_proxy(user_agent: str, is_open: bool) -> str:
    """Gmail loads pictures when somebody looks at the mail, only not from their machine: a person's open, whose device
    is not known. It is no privacy proxy for GreenArrow either."""
    return "gmail_image_proxy" if "GoogleImageProxy" in user_agent else ""


def yahoo_prefetch(user_agent: str, is_open: bool) -> str:
    """Yahoo's proxy (help.yahoo.com, SLN28749) loads pictures under one name, both when its apps fetch new mail and
    when somebody reads it. The two cannot be told apart, so that readers are among them."""
    return "yahoo_prefetch" if is_open and "YahooMailProxy" in user_agent else ""


def security_scanner(user_agent: str, is_open: bool) -> str:
    """Scanners that give their vendor's name. Most do not, and are found by the other rules. Names of antivirus
    programs that also make browsers (Avast, AVG, Norton) are left out, since those are people's."""
    return "security_scanner" if SCANNERS.search(user_agent) else ""


def headless_browser(user_agent: str, is_open: bool) -> str:
    """Browsers without a window, which programs drive (developer.chrome.com, "Chrome Headless mode"). Nobody reads with
    one."""
    return "headless_browser" if HEADLESS.search(user_agent) else ""


def link_preview(user_agent: str, is_open: bool) -> str:
    """Somebody has pasted the link into a chat, and the chat program fetches a preview of it. The message was read, but
    not by this hit. Browsers inside such apps have other user agents and are people's."""
    return "link_preview" if PREVIEWS.search(user_agent) else ""


def http_library(user_agent: str, is_open: bool) -> str:
    """Libraries and tools for programs. Few mail programs load pictures with the bare library they are built on
    (okhttp); such opens are missed, their readers' clicks are not."""
    return "http_library" if LIBRARIES.search(user_agent) else ""


def office_discovery(user_agent: str, is_open: bool) -> str:
    """Word and Excel look at a link before they hand it to the browser, whose own hit follows
    (learn.microsoft.com, "Office document cache and existence discovery"): counted, the click would count twice."""
    return "office_discovery" if OFFICE.search(user_agent) else ""


def crawler(user_agent: str, is_open: bool) -> str:
    """What ua-parser's list calls a spider, or what leaves an address at which to read about it, as crawlers do."""
    if CRAWLERS.search(user_agent):
        return "crawler"
    device = ua_parser.parse_device(user_agent)
    return "crawler" if device and device.family == "Spider" else ""


RULES: tuple[Rule, ...] = (
    *(no_agent, apple_mpp, bare_agent, gmail_prefetch, gmail_image_proxy, yahoo_prefetch),
    *(security_scanner, headless_browser, link_preview, http_library, office_discovery, crawler),
)


@lru_cache(maxsize=16_384)
def reason(user_agent: str, is_open: bool) -> str:
    """The reason of the first rule that speaks; "" for what looks like a browser or mail program."""
    return next((said for rule in RULES if (said := rule(user_agent, is_open))), "")
