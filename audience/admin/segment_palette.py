"""What the rule builder offers: fields in groups, the comparisons of each, and the shape of what is compared."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q

from accounts.admin.pages import row_number, to
from accounts.models import Organization
from audience.criteria.operators import OPERATORS
from audience.criteria.scope import Scope
from audience.criteria.vocabulary import Subject, Vocabulary
from audience.errors import InvalidRules
from audience.models import MailingList, Segment, SubscriberTag
from campaigns.models import Campaign

OFFERED = 500  # of segments, of tags
NEVER_OFFERED = {"nobody", "everybody"}  # what parsers write for what cannot be evaluated

# The shape of a value, for the editors in `static/broadsheet/rules-values.js`; what is not named has one value.
SHAPES: dict[str, str] = {
    **dict.fromkeys(("is_one_of", "is_none_of", "has_any_of", "has_all_of", "has_none_of"), "many"),
    **dict.fromkeys(("between", "not_between"), "range"),
    **dict.fromkeys(("in_last", "not_in_last", "in_next", "not_in_next"), "span"),
    **dict.fromkeys(("days_ago", "days_from_now"), "days"),
    **dict.fromkeys(("did", "did_not"), "activity"),
    "percent": "percent",
}
# Words for comparisons that stand in subjects registered by rooms above.
WORDS = {"did": "yes, they did", "did_not": "no, they did not", "percent": "is within"}

PERSON = ("email", "email_domain", "phone", "created_at", "suppressed", "sample")
DEEDS = ("opened", "clicked", "unsubscribed", "complained", "bounced", "sent", "delivered", "queued", "failed")
TAKES: dict[str, list[str]] = {deed: ["count"] for deed in DEEDS}
TAKES |= {"clicked": ["count", "link"], "delivered": [], "queued": [], "failed": []}
FIRST_WORDS = {
    "fields": "Custom fields",
    "list": "Lists",
    "segment": "Segments",
    "campaign": "Campaign activity",
    "sms": "SMS activity",
}
ORDER = ("Person", "Subscription", *FIRST_WORDS.values())


def palette(organization: Organization, rules: Any, *, segment: Segment | None = None) -> dict[str, Any]:
    """Everything the builder has to know, as JSON. `rules` is the tree it starts with, whatever that is."""
    vocabulary = Vocabulary(Scope.of_people(organization))
    offered = [*_subjects(vocabulary), *_segments(vocabulary, segment), *_activity(vocabulary)]
    groups: dict[str, list[dict[str, Any]]] = {label: [] for label in ORDER}
    names = sorted({name for subject in offered for name in subject["operators"]})
    for subject in offered:
        groups[_group(subject["name"])].append(subject)
    return {
        "groups": [{"label": label, "subjects": subjects} for label, subjects in groups.items() if subjects],
        "operators": {name: _operator(name) for name in names},
        "lists": [[each.public_id, str(each)] for each in MailingList.objects.of(organization)],
        "said": _said(vocabulary, rules),
        "campaigns": _campaign_names(organization, rules),
        "campaigns_url": to("audience_segment_campaigns"),
        "organization": organization.pk,
    }


def _group(name: str) -> str:
    first = name.partition(".")[0]
    return FIRST_WORDS.get(first, "Person" if name in PERSON else "Subscription")


def _operator(name: str) -> dict[str, str]:
    known = OPERATORS.get(name)
    words = WORDS.get(name) or (known.words if known else name.replace("_", " "))
    shape = SHAPES.get(name, "one") if known is None or known.takes_value else "none"
    return {"words": words, "shape": shape}


# --- fields ------------------------------------------------------------------------------------------------------


def _subjects(vocabulary: Vocabulary) -> Iterator[dict[str, Any]]:
    for subject in vocabulary.available():
        first = subject.name.partition(".")[0]
        if subject.name not in NEVER_OFFERED and first not in ("segment", "campaign", "sms"):
            yield _described(subject, _tags(vocabulary) if subject.name == "tags" else None)


def _described(subject: Subject, choices: list[list[str]] | None = None) -> dict[str, Any]:
    return {
        "name": subject.name,
        "label": subject.label,
        "kind": getattr(subject, "kind", "text"),
        "operators": list(subject.operators),
        "choices": _choices(subject) if choices is None else choices,
        "takes": TAKES.get(subject.name.partition(".")[2], []),
    }


def _choices(subject: Subject) -> list[list[str]]:
    labels = getattr(subject, "choice_labels", {})
    return [[str(choice), str(labels.get(choice, choice))] for choice in getattr(subject, "choices", ())]


def _tags(vocabulary: Vocabulary) -> list[list[str]]:
    tags = SubscriberTag.objects.of(vocabulary.scope.organization).order_by("name")
    return [[name, name] for name in tags.values_list("name", flat=True).distinct()[:OFFERED]]


def _segments(vocabulary: Vocabulary, without: Segment | None) -> Iterator[dict[str, Any]]:
    """One asks the vocabulary about one of them only: all have the same comparisons, and each costs a query."""
    others = Segment.objects.of(vocabulary.scope.organization).filter(is_ad_hoc=False)
    others = others.exclude(pk=without.pk) if without else others
    rows = list(others.only("public_id", "name")[:OFFERED])
    first = _known(vocabulary, f"segment.{rows[0].public_id}") if rows else None
    if first is None:
        return
    for row in rows:
        name = f"segment.{row.public_id}"
        yield {**_described(first), "kind": "boolean", "name": name, "label": f"In segment {row}"}


def _activity(vocabulary: Vocabulary) -> Iterator[dict[str, Any]]:
    for first_word in ("campaign", "sms"):
        for deed in DEEDS:
            if subject := _known(vocabulary, f"{first_word}.{deed}"):
                yield _described(subject)


def _known(vocabulary: Vocabulary, name: str) -> Subject | None:
    try:
        return vocabulary.subject(name)
    except InvalidRules:
        return None


# --- what the tree it starts with names ------------------------------------------------------------------------


def leaves(node: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Every rule that is no group, with its place: the numbers of the rules that lead there."""
    rules = node.get("rules") if isinstance(node, Mapping) else None
    if isinstance(rules, list):
        for number, rule in enumerate(rules):
            yield from leaves(rule, (*path, number))
    else:
        yield path, node


def _said(vocabulary: Vocabulary, rules: Any) -> dict[str, str]:
    """Sentences by place, for rules the builder cannot draw. Rules without a group are drawn as the first of one."""
    said: dict[str, str] = {}
    for path, node in leaves(rules):
        if isinstance(node, Mapping) and isinstance(node.get("field"), str):
            place = ".".join(map(str, path or (0,)))
            said[place] = _words(vocabulary, node)
    return said


def _words(vocabulary: Vocabulary, node: Mapping[str, Any]) -> str:
    try:
        return vocabulary.subject(node["field"]).words(str(node.get("operator")), node.get("value"))
    except InvalidRules as broken:
        return str(broken).removesuffix(".")


def _campaign_names(organization: Organization, rules: Any) -> dict[str, str]:
    """Names of the campaigns the tree mentions, by the id it mentions them with."""
    ids: set[Any] = set()
    for _, node in leaves(rules):
        value = node.get("value") if isinstance(node, Mapping) else None
        named = value.get("campaigns") if isinstance(value, Mapping) else None
        ids |= {each for each in named if isinstance(each, int | str)} if isinstance(named, list) else set()
    numbers = [number for each in ids if (number := row_number(str(each)))]
    public_ids = [each for each in ids if isinstance(each, str)]
    rows = Campaign.objects.of(organization).filter(Q(pk__in=numbers) | Q(public_id__in=public_ids))
    return {str(key): row.name for row in rows.only("pk", "public_id", "name") for key in (row.pk, row.public_id)}
