"""What readers do with a message, and doing it over HTTP: opens, clicks, the web version, unsubscribing.

`choose` decides for everybody beforehand; `Deeds` remembers what was answered, so that the report can be compared with
what happened and not with what was meant.
"""

import http.client
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import local
from urllib.parse import urlencode, urlsplit

from operations.demo.mailbox import Delivered

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SEED = 20_261_121
AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Act:
    """One request. `kind`: open, click, view, look (at the unsubscribe page), one_click, confirm."""

    kind: str
    recipient: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    act: Act
    status: int
    location: str = ""
    content_type: str = ""

    @property
    def is_expected(self) -> bool:
        if self.act.kind == "click":
            return self.status == 302 and bool(self.location)
        if self.act.kind == "open":
            return self.status == 200 and self.content_type == "image/gif"
        return self.status == 200


@dataclass
class Deeds:
    """What was done and answered as it should be: people and how often, by kind; clicks by where they led."""

    answers: list[Answer] = field(default_factory=list)

    def people(self, *kinds: str) -> set[str]:
        return {answer.act.recipient for answer in self._good(kinds)}

    def count(self, *kinds: str) -> int:
        return sum(1 for _ in self._good(kinds))

    def clicks_by_page(self) -> Counter[str]:
        return Counter(page(answer.location) for answer in self._good(("click",)))

    def wrong(self) -> list[Answer]:
        return [answer for answer in self.answers if not answer.is_expected]

    def _good(self, kinds: Sequence[str]) -> Iterator[Answer]:
        return (answer for answer in self.answers if answer.act.kind in kinds and answer.is_expected)


def page(url: str) -> str:
    """The address without its query, which merge fields may have filled in."""
    return url.partition("?")[0]


def waves(acts: Sequence[Act]) -> Iterator[tuple[str, list[Act]]]:
    """In the order in which people do things: first they open, then they click, in the end some have had enough."""
    kinds = {"open": ("open",), "click": ("click",), "view": ("view",), "unsubscribe": ("look", "one_click", "confirm")}
    for name, meant in kinds.items():
        if wave := [act for act in acts if act.kind in meant]:
            yield name, wave


def choose(messages: Sequence[Delivered]) -> list[Act]:
    """Some open, some click (with and without opening), some unsubscribe; scanners look at everything."""
    chance = random.Random(SEED)  # noqa: S311 - the same readers in every demo
    return [act for message in messages for act in _acts_of(message, chance)]


def _acts_of(message: Delivered, chance: random.Random) -> Iterator[Act]:
    def act(kind: str, url: str) -> Act:
        return Act(kind=kind, recipient=message.recipient, url=url)

    opens = chance.random() < 0.55
    if opens:
        yield from [act("open", message.pixels[0])] * chance.choice((1, 1, 1, 2, 3))
    if chance.random() < (0.35 if opens else 0.04):
        yield from (act("click", chance.choice(message.clicks)) for _ in range(chance.choice((1, 1, 2, 4))))
    if message.views and chance.random() < 0.03:
        yield act("view", message.views[0])
    if chance.random() < 0.05:
        yield act("look", message.unsubscribes[0])  # changes nothing, whatever program does it
    if chance.random() < 0.04:
        yield act("one_click", message.one_click)
    elif chance.random() < 0.02:
        yield act("confirm", message.unsubscribes[0])


FORMS = {"one_click": {"List-Unsubscribe": "One-Click"}, "confirm": {"confirm": "1"}}


def do(acts: Iterable[Act]) -> Iterator[Answer]:
    """All of them, several at a time; answers in the order of the acts."""
    connections = local()
    with ThreadPoolExecutor(AT_ONCE) as readers:
        yield from readers.map(lambda act: _request(act, connections), acts)


def _request(act: Act, connections: local) -> Answer:
    where = urlsplit(act.url)
    if not hasattr(connections, "open"):
        connections.open = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    form = FORMS.get(act.kind)
    headers = {"User-Agent": USER_AGENT}
    if form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connections.open.request("POST" if form else "GET", where.path, urlencode(form) if form else None, headers)
    response = connections.open.getresponse()
    response.read()
    return Answer(
        act=act,
        status=response.status,
        location=response.headers.get("Location", ""),
        content_type=response.headers.get("Content-Type", ""),
    )
