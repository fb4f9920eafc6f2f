"""What a message was looked at with, from the user agent: the program and the kind of device.

ua-parser knows browsers and crawlers. Mail programs often show messages in the system's browser view and say so, which
on Apple's devices means the mail program itself: no browser there leaves out its name.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import ua_parser

DESKTOP, PHONE, TABLET = "desktop", "phone", "tablet"
PHONE_SYSTEMS = {"Android", "iOS", "Windows Phone", "KaiOS", "Symbian OS", "BlackBerry OS", "Tizen", "HarmonyOS"}
TABLETS = re.compile(r"iPad|Kindle|Nexus (?:7|9|10)\b|Tablet|\bSM-[TX]\d|Lenovo TB|\bTB-\w|\bMediaPad", re.IGNORECASE)
# Mail programs that ua-parser does not know or calls after what they are built of; the first that fits.
MAIL_PROGRAMS = (
    ("Gmail (image proxy)", re.compile(r"GoogleImageProxy")),
    ("Yahoo Mail (image proxy)", re.compile(r"YahooMailProxy")),
    ("Gmail", re.compile(r"\bGmail/|com\.google\.android\.gm\b")),
    ("Yahoo Mail", re.compile(r"YahooMobileMail|com\.yahoo\.mobile\.client\.android\.mail", re.IGNORECASE)),
    ("Outlook for iOS", re.compile(r"Outlook-iOS|OutlookMobile.*iOS")),
    ("Outlook for Android", re.compile(r"Outlook-Android|OutlookMobile.*Android|com\.microsoft\.office\.outlook")),
    ("Outlook for Mac", re.compile(r"MacOutlook|Microsoft-MacOutlook")),
    ("Outlook (new)", re.compile(r"OneOutlook|HxOutlook|\bOlk/")),
    ("Outlook", re.compile(r"Microsoft Outlook|MSOffice|ms-office|Microsoft Office", re.IGNORECASE)),
    ("Windows Mail", re.compile(r"WindowsMail|HxMail|Windows-Live-Mail|Outlook-Express", re.IGNORECASE)),
    ("Samsung Email", re.compile(r"SamsungEmail|com\.samsung\.android\.email", re.IGNORECASE)),
    ("Thunderbird", re.compile(r"Thunderbird|K-9 Mail|net\.thunderbird")),
    ("Superhuman", re.compile(r"Superhuman")),
    ("Spark", re.compile(r"\bSpark/|SparkDesktop|com\.readdle")),
    ("Proton Mail", re.compile(r"ProtonMail|Proton ?Mail", re.IGNORECASE)),
    ("Postbox", re.compile(r"Postbox/")),
    ("eM Client", re.compile(r"eM ?Client", re.IGNORECASE)),
    ("Apple Mail (privacy proxy)", re.compile(r"^Mozilla/5\.0$")),
    ("Apple Mail", re.compile(r"^(?:Mobile)?Mail/\d+.*CFNetwork")),
)
# WebKit on Apple's systems without the name of a browser or app after it.
BARE_WEBKIT = re.compile(
    r"\((?:Macintosh|iPhone|iPad|iPod)[^)]*\) AppleWebKit/[\d.]+ \(KHTML, like Gecko\)(?: Mobile/\w+)?$"
)
ANDROID_VIEW = re.compile(r"Android.*; wv\)")


class Program(NamedTuple):
    """`client`: Chrome, Apple Mail, Outlook...; `device`: desktop, phone, tablet; "" where it is not known."""

    client: str
    device: str


@lru_cache(maxsize=16_384)
def program(user_agent: str) -> Program:
    """Through a provider's picture proxy the program is known and the device is not."""
    if not user_agent:
        return Program("", "")
    client = _mail_program(user_agent)
    if client.endswith("proxy)"):
        return Program(client, "")
    parsed = ua_parser.parse(user_agent)
    if not client and parsed.user_agent:
        client = parsed.user_agent.family
    system = parsed.os.family if parsed.os else ""
    device = " ".join(filter(None, (parsed.device.family, parsed.device.brand))) if parsed.device else ""
    return Program(client[:64], _device(user_agent, system, device))


def _mail_program(user_agent: str) -> str:
    if named := next((name for name, pattern in MAIL_PROGRAMS if pattern.search(user_agent)), ""):
        return named
    if BARE_WEBKIT.search(user_agent):
        return "Apple Mail"
    return "Android app" if ANDROID_VIEW.search(user_agent) else ""


def _device(user_agent: str, system: str, device: str) -> str:
    if "Spider" in device:
        return ""
    if TABLETS.search(device) or TABLETS.search(user_agent):
        return TABLET
    if system in PHONE_SYSTEMS:
        # An Android without "Mobile" is a tablet (developer.chrome.com, "User-Agent strings").
        return TABLET if "Android" in user_agent and "Chrome/" in user_agent and "Mobile" not in user_agent else PHONE
    return DESKTOP if system or "Macintosh" in user_agent or "Mac OS X" in user_agent else ""
