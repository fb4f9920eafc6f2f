"""Parameters for web analytics in links: `utm_source` and the like, by which a site's statistics name the campaign.

A campaign names the hosts whose links get them. What a link gets is signed into its token when the mail is compiled,
beside the URL as it was written, and joined to it when somebody clicks: no message costs more, the click asks nothing,
and reports, rules and webhooks know a link by the URL that its author wrote.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote_plus, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

ALL = "*"
LONGEST, LONGEST_TERM = 5000, 100
BETWEEN = re.compile(r"[\s,]+")
HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class Analytics:
    """What is added, and to links of which hosts: those named, everything below them, or all where one is `*`."""

    hosts: tuple[str, ...]
    campaign: str
    source: str
    medium: str

    @classmethod
    def of(cls, domains: str, campaign: str) -> Self | None:
        """With the source and medium of the settings; None where no host is named."""
        hosts = hosts_in(domains)
        return cls(hosts, campaign, settings.UTM_SOURCE, settings.UTM_MEDIUM) if hosts else None

    def parameters_for(self, url: str, term: str = "") -> str:
        """What the URL's query lacks, `utm_source=…&utm_medium=…`; empty where it lacks nothing or has another host."""
        if not self.covers(url):
            return ""
        query = url.partition("#")[0].partition("?")[2]
        there = {unquote_plus(pair.partition("=")[0]).lower() for pair in query.split("&")}
        wanted = {"source": self.source, "medium": self.medium, "campaign": self.campaign, "term": term}
        missing = {name: value for name, value in wanted.items() if value and f"utm_{name}" not in there}
        return "&".join(f"utm_{name}={quote(value, safe='')}" for name, value in missing.items())

    def covers(self, url: str) -> bool:
        """Whether the URL's host is one of those, or ends in one of them after a point."""
        try:
            host = (urlsplit(url).hostname or "").rstrip(".")
        except ValueError:  # brackets around what is no address
            return False
        return bool(host) and (ALL in self.hosts or any(f".{host}".endswith(f".{name}") for name in self.hosts))


def joined(url: str, parameters: str) -> str:
    """The URL with these at the end of its query, before any fragment; the rest byte for byte as it was."""
    if not parameters:
        return url
    address, hash_mark, fragment = url.partition("#")
    _, mark, query = address.partition("?")
    joint = "" if mark and (not query or query.endswith("&")) else "&" if mark else "?"
    return f"{address}{joint}{parameters}{hash_mark}{fragment}"


def hosts_in(domains: str) -> tuple[str, ...]:
    """The hosts of a setting, one a line or with commas between, as they stand in URLs: small, in ASCII."""
    return tuple(dict.fromkeys(_in_ascii(word) for word in BETWEEN.split(domains) if word))


def require_hosts(domains: str) -> None:
    """For a field. Raises ValidationError for what is neither a host name nor `*`."""
    if len(domains) > LONGEST:
        raise ValidationError(f"These are too many hosts: {LONGEST:,} characters are the most.")
    for host in hosts_in(domains):
        if host != ALL and not HOST_NAME.fullmatch(host):
            raise ValidationError(
                f"“{host[:100]}” is no host name. Write names such as example.com, one a line, without https:// and "
                "without a path; or * for all links."
            )


def term_of(title: str) -> str:
    """What the words of a link say about it, on one line and not endless."""
    return " ".join(title.split())[:LONGEST_TERM].strip()


def _in_ascii(host: str) -> str:
    """An international name as browsers ask for it; what is none stays, for `require_hosts` to name."""
    small = host.lower()
    if small.isascii():
        return small.rstrip(".") or small
    try:
        return small.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        return small
