"""Rules about what people did with campaigns, for audience's compiler: `campaign.opened`, `sms.clicked` and the like.

Audience cannot see this room; it is told of these subjects when the app starts (`stats.apps`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.db.models import Q

from audience.criteria import vocabulary
from audience.criteria.scope import Scope
from audience.criteria.tree import Json
from audience.errors import InvalidRules, Unanswerable
from campaigns.models import Channel
from stats import rule_queries
from stats.rule_values import Asked, Place, read

MOST_NAMES = 3
GONE = "what the rule names is not there"


@dataclass(frozen=True)
class Deed:
    """How it is said, and which of `within`, `count` and `link` can be asked of it.

    `passed_over`: what is not looked at, since programs that speak other rule languages may send it along.
    """

    label: str
    did: str
    did_not: str
    takes: frozenset[str] = frozenset({"within", "count"})
    passed_over: frozenset[str] = frozenset()


_NEITHER = {"takes": frozenset[str](), "passed_over": frozenset({"within", "count"})}
DEEDS: dict[str, Deed] = {
    "opened": Deed("Opened", "opened", "did not open"),
    "clicked": Deed("Clicked", "clicked", "did not click", frozenset({"within", "count", "link"})),
    "unsubscribed": Deed("Unsubscribed by", "unsubscribed by", "did not unsubscribe by"),
    "complained": Deed("Complained about", "complained about", "did not complain about"),
    "bounced": Deed("Bounced for", "bounced for", "did not bounce for"),
    "sent": Deed("Were sent", "were sent", "were not sent"),
    "delivered": Deed("Received", "received", "did not receive", **_NEITHER),
    "queued": Deed("Were queued for", "were queued for", "were not queued for", **_NEITHER),
    "failed": Deed("Could not be sent", "could not be sent", "never failed to be sent", **_NEITHER),
}
CHANNELS = {"campaign": "", "sms": Channel.SMS.value}


def register() -> None:
    """Let rules ask about campaigns."""
    for first_word in CHANNELS:
        vocabulary.register(first_word, partial(resolve, first_word))


def resolve(first_word: str, what: str, scope: Scope) -> "Engaged | None":
    return Engaged(first_word, what, scope) if what in DEEDS else None


@dataclass(frozen=True)
class Engaged:
    """A subject: whether a person did `what` with campaigns of the scope's organization."""

    first_word: str
    what: str
    scope: Scope

    kind = "engagement"
    operators = ("did", "did_not")

    @property
    def takes(self) -> tuple[str, ...]:
        """Which of `within`, `count` and `link` it can be asked with, for somebody who chooses."""
        return tuple(sorted(DEEDS[self.what].takes))

    @property
    def name(self) -> str:
        return f"{self.first_word}.{self.what}"

    @property
    def label(self) -> str:
        return f"{DEEDS[self.what].label} {'an SMS campaign' if CHANNELS[self.first_word] else 'a campaign'}"

    def condition(self, operator: str, value: Json) -> Q:
        """On the scope's model; never unknown. Raises InvalidRules, and Unanswerable where all it names is somebody
        else's or gone: then neither the rule nor its opposite may hold for anybody."""
        asked = self._read(operator, value)
        if asked.is_about_nothing:
            raise Unanswerable(GONE)
        did = rule_queries.did(self.what, asked, self.scope.person)
        return did if operator == "did" else ~did

    def words(self, operator: str, value: Json) -> str:
        """Such as: they did not click a link in “Morning” in the last 30 days. Raises InvalidRules."""
        asked = self._read(operator, value)
        if asked.is_about_nothing:
            return f"nobody ({GONE})"
        deed = DEEDS[self.what]
        parts = ["they", deed.did if operator == "did" else deed.did_not, *self._object(asked)]
        parts += [asked.count.words] if asked.count else []
        parts += [asked.window.words] if asked.window else []
        return " ".join(parts)

    def _object(self, asked: Asked) -> Sequence[str]:
        link = "a link in" if not asked.link else f"the link “{asked.link}” in"
        campaigns = _names(asked.names) or ("any SMS campaign" if asked.channel else "any campaign")
        email = f"with the email “{asked.email}”" if asked.email else ""
        return [each for each in (link if "link" in DEEDS[self.what].takes else "", campaigns, email) if each]

    def _read(self, operator: str, value: Json) -> Asked:
        if operator not in self.operators:
            raise InvalidRules(f"{self.label} can be asked {', '.join(self.operators)}, and nothing else.")
        deed = DEEDS[self.what]
        place = Place(organization=self.scope.organization, now=self.scope.now)
        asked = read(value, place, channel=CHANNELS[self.first_word], passed_over=deed.passed_over)
        if asked.link and "link" not in deed.takes:
            raise InvalidRules(f"{self.label}: only clicks are about a link.")
        return asked


def _names(names: Sequence[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    if len(quoted) > MOST_NAMES + 1:
        quoted = [*quoted[:MOST_NAMES], f"{len(quoted) - MOST_NAMES} other campaigns"]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
