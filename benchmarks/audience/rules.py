"""Twelve segments as people make them."""

from world import World

LATELY = {"type": "in_last", "amount": 30, "unit": "days"}
QUARTER = {"type": "in_last", "amount": 90, "unit": "days"}


def rule(field: str, operator: str, value: object = None) -> dict[str, object]:
    return {"field": field, "operator": operator} | ({} if value is None else {"value": value})


def all_of(*rules: dict[str, object]) -> dict[str, object]:
    return {"match": "all", "rules": list(rules)}


def any_of(*rules: dict[str, object]) -> dict[str, object]:
    return {"match": "any", "rules": list(rules)}


def none_of(*rules: dict[str, object]) -> dict[str, object]:
    return {"match": "not", "rules": list(rules)}


def segments(world: World) -> dict[str, tuple[list[int], dict[str, object]]]:
    """By name: places of the lists a segment names, and its rules."""
    first, second, third = (each.public_id for each in world.lists)
    recent = [each.pk for each in world.campaigns[-5:]]
    subscribed = rule("status", "is", "subscribed")
    return {
        "on-a-list": ([0], subscribed),
        "town-is": ([], rule("fields.town", "is", "Köln")),
        "domain-and-not-contains": (
            [0],
            all_of(rule("email_domain", "ends_with", "7.example"), rule("fields.town", "does_not_contain", "l")),
        ),
        "age-and-birthday": (
            [],
            all_of(rule("fields.age", "at_least", 30), rule("fields.born", "before", "1990-01-01")),
        ),
        "one-list-not-the-other": (
            [],
            all_of(
                rule(f"list.{first}", "is", "subscribed"), none_of(rule(f"list.{second}", "is_not_empty"))
            ),
        ),
        "choices-or-lists": (
            [1],
            any_of(
                rule("fields.size", "is", "L"),
                rule("fields.vip", "is", True),
                rule(f"list.{third}", "is", "subscribed"),
            ),
        ),
        "opened-one-campaign": ([0], all_of(subscribed, rule("campaign.opened", "did", {"campaigns": recent[-1:]}))),
        "opened-none-of-five": ([0], all_of(subscribed, rule("campaign.opened", "did_not", {"campaigns": recent}))),
        "clicked-a-link-lately": (
            [],
            rule("campaign.clicked", "did", {"link": "https://example.com/story/3", "within": LATELY}),
        ),
        "opened-three-times-in-a-quarter": (
            [],
            rule("campaign.opened", "did", {"within": QUARTER, "count": {"at_least": 3}}),
        ),
        "vip-or-active": (
            [],
            any_of(
                rule("fields.vip", "is", True),
                rule("campaign.opened", "did", {"count": {"at_least": 5}}),
                rule("campaign.clicked", "did", {"within": LATELY}),
            ),
        ),
        "sent-often-and-never-clicked": (
            [],
            all_of(
                rule("campaign.sent", "did", {"count": {"at_least": 6}}),
                rule("campaign.clicked", "did_not"),
                none_of(rule("campaign.bounced", "did"), rule("campaign.complained", "did")),
            ),
        ),
    }  # fmt: skip
