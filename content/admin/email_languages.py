"""What the editor shows of each merge language: tags to pick, and how the rest is written."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import Organization
from audience.models import CustomField
from content.merge import greenarrow, octeth_tags
from content.models import MergeLanguage

Choices = list[tuple[str, str]]
LINKS = (
    ("unsubscribe_url", "Unsubscribe link"),
    ("preferences_url", "Link to the preference page"),
    ("view_url", "Link to the web version"),
    ("forward_url", "Link to forward it to a friend"),
)
BUILT_IN = (("email", "Email address"), ("phone", "Phone number"))
OCTETH_GROUPS = {
    "Subscriber": "Person",
    "ListLinks": "Links",
    "CampaignLinks": "Links",
    "User": "Organization",
    "List": "List",
    "Campaign": "Campaign",
    "Other": "Other",
}
NAMES = {language: language.label.partition(" ")[0] for language in MergeLanguage}
REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    MergeLanguage.BROADSHEET: (
        ('{{ first_name|default("reader") }}', "A field, and what stands in where there is no value."),
        ("{{ first_name|upper }}", "Filters: upper, lower, title, trim, truncate(20), date, number(2), urlencode…"),
        ("{% if points >= 100 %}…{% elif vip %}…{% else %}…{% endif %}", "A part for some people."),
        ("{% for topic in topics|split %}…{% endfor %}", "Once for each of several values."),
        ("{# … #}", "A comment that nobody gets."),
    ),
    MergeLanguage.OCTETH: (
        ('{{ Subscriber:FirstName|"there" }}', "A field, and what stands in where there is no value."),
        ("%Subscriber:FirstName%", "The same, without a fallback."),
        (
            "{{ uppercase Subscriber:City }}",
            "Helpers: lowercase, titleize, trim, ellipsis-20, number_format-2, urlEncode…",
        ),
        ("{{ dateFormat-F_j,_Y Subscriber:BirthDate }}", "A date, by PHP's letters; _ is a blank."),
        ("{{ if Subscriber:City=Ulm }}…{{ else }}…{{ endif }}", "A part for some people; also != < > <= >=."),
        ("[TITLE:…] [UPPER:…] [LOWER:…]", "Letters of the text inside."),
        ("[[Hello|Hi|Good morning]]", "One of these, drawn for each person."),
    ),
    MergeLanguage.GREENARROW: (
        ("%%First Name%%", "A field by its name or key, in any case; empty where there is no value."),
        ("{emailaddress}", "The same inside the address of a link."),
        ("%%data_percent%%", "A percent sign."),
    ),
}


@dataclass(frozen=True, slots=True)
class Guide:
    """Of one language: tags by group (what is written, its name), and lines of reference (what is written, what it
    does)."""

    language: str
    name: str
    groups: list[tuple[str, Choices]]
    reference: tuple[tuple[str, str], ...]


def guides(organization: Organization) -> list[Guide]:
    """One for each language."""
    fields = list(CustomField.objects.of(organization).select_related("mailing_list"))
    groups = {
        MergeLanguage.BROADSHEET: _ours(fields),
        MergeLanguage.OCTETH: _octeths(fields),
        MergeLanguage.GREENARROW: _greenarrows(fields),
    }
    return [
        Guide(language, NAMES[language], [group for group in groups[language] if group[1]], REFERENCES[language])
        for language in MergeLanguage
    ]


def _ours(fields: Iterable[CustomField]) -> list[tuple[str, Choices]]:
    general = [(field.key, field.name) for field in fields if field.mailing_list is None]
    of_lists = [(field.key, _named(field)) for field in fields if field.mailing_list]
    groups = (("Person", [*BUILT_IN, *general]), ("Lists", of_lists), ("Links", LINKS))
    return [(group, [(f"{{{{ {key} }}}}", name) for key, name in choices]) for group, choices in groups]


def _octeths(fields: Iterable[CustomField]) -> list[tuple[str, Choices]]:
    grouped: dict[str, Choices] = {}
    for tag in octeth_tags.tags((field.pk, field.key, _named(field)) for field in fields):
        if "Always empty" not in tag.description and tag.category in OCTETH_GROUPS:
            grouped.setdefault(OCTETH_GROUPS[tag.category], []).append((tag.tag, tag.label))
    return list(grouped.items())


def _greenarrows(fields: Iterable[CustomField]) -> list[tuple[str, Choices]]:
    named = list({f"%%{field.key}%%": _named(field) for field in fields}.items())
    links = [(f"%%{code.name}%%", code.description) for code in greenarrow.CODES if code.name in greenarrow.LINKS]
    codes = [(f"%%{code.name}%%", code.description) for code in greenarrow.CODES if code.name not in greenarrow.LINKS]
    return [("Fields", named), ("Links", links), ("Codes", codes)]


def _named(field: CustomField) -> str:
    return f"{field.name} ({field.mailing_list})" if field.mailing_list else field.name
