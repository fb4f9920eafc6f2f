"""Programs and devices behind user agents as mail programs and browsers really send them."""

import pytest

from stats.programs import program

SAFARI_ENGINE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; .NET4.0E; "
    "Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)"
)

KNOWN = [
    (f"{MAC} {SAFARI_ENGINE}", "Apple Mail", "desktop"),
    (f"{IPHONE} {SAFARI_ENGINE} Mobile/15E148", "Apple Mail", "phone"),
    (f"{IPAD} {SAFARI_ENGINE} Mobile/15E148", "Apple Mail", "tablet"),
    ("Mozilla/5.0", "Apple Mail (privacy proxy)", ""),
    (f"{IPHONE} {SAFARI_ENGINE} Version/17.5 Mobile/15E148 Safari/604.1", "Mobile Safari", "phone"),
    (f"{MAC} {SAFARI_ENGINE} Version/17.4.1 Safari/605.1.15", "Safari", "desktop"),
    (OUTLOOK, "Outlook", "desktop"),
    ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)", "Outlook", "desktop"),
    (
        f"{WINDOWS} {BLINK} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0 OneOutlook/1.2024.110",
        "Outlook (new)",
        "desktop",
    ),
    ("MacOutlook/16.78.23100802 (Intelx64 Mac OS X Version 14.0 (Build 23A344))", "Outlook for Mac", "desktop"),
    ("Outlook-iOS/709.2189947.prod.iphone (3.24.1)", "Outlook for iOS", "phone"),
    ("Outlook-Android/2.0", "Outlook for Android", "phone"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0", "Thunderbird", "desktop"),
    (f"{WINDOWS[:-1]}; rv:91.0) Gecko/20100101 Thunderbird/91.8.0", "Thunderbird", "desktop"),
    (
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "Gmail (image proxy)",
        "",
    ),
    ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "Yahoo Mail (image proxy)", ""),
    (
        f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {BLINK} Version/4.0 Chrome/122.0 Mobile Safari/537.36",
        "Android app",
        "phone",
    ),
    (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/124.0.0.0 Mobile Safari/537.36", "Chrome Mobile", "phone"),
    (f"Mozilla/5.0 (Linux; Android 13; SM-X700) {BLINK} Chrome/124.0.0.0 Safari/537.36", "Chrome", "tablet"),
    (f"{WINDOWS} {BLINK} Chrome/124.0.0.0 Safari/537.36", "Chrome", "desktop"),
    (f"{WINDOWS} {BLINK} Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0", "Edge", "desktop"),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox", "desktop"),
    (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/124.0.0.0 Safari/537.36", "Chrome", "desktop"),
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", "Googlebot", ""),
    ("", "", ""),
    ("something nobody has heard of", "", ""),
]


@pytest.mark.parametrize(("user_agent", "client", "device"), KNOWN, ids=[name or "none" for _, name, _ in KNOWN])
def test_the_program_and_device_are_those_of_the_reader(user_agent, client, device):
    assert program(user_agent) == (client, device)
