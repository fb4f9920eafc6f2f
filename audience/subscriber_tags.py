"""Words on people of one list, put there by people and programs. They are not the tags of campaigns."""

from collections.abc import Iterable

from django.db import transaction

from accounts.texts import breaks
from audience.addresses import shown
from audience.errors import InvalidTag
from audience.models import SubscriberTag, Subscription, TaggedSubscription

LONGEST = 100


def add(subscription: Subscription, names: Iterable[str]) -> int:
    """Put these tags on it, making those the list has not got; how many are new to it. Raises InvalidTag."""
    wanted = cleaned(names)
    with transaction.atomic():
        tags = [
            SubscriberTag.objects.get_or_create(mailing_list_id=subscription.mailing_list_id, name=name)[0]
            for name in wanted
        ]
        worn = set(TaggedSubscription.objects.filter(subscription=subscription).values_list("tag", flat=True))
        new = [TaggedSubscription(subscription=subscription, tag=tag) for tag in tags if tag.pk not in worn]
        # somebody else may put the same on it at this moment
        TaggedSubscription.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def remove(subscription: Subscription, names: Iterable[str]) -> int:
    """Take these tags off it; how many it carried. The list keeps the tags. Raises InvalidTag."""
    worn = TaggedSubscription.objects.filter(subscription=subscription, tag__name__in=cleaned(names))
    taken, _ = worn.delete()
    return taken


def cleaned(names: Iterable[str]) -> list[str]:
    """The names as they are kept, each once. Raises InvalidTag."""
    return list(dict.fromkeys(_cleaned(name) for name in names))


def _cleaned(name: str) -> str:
    stripped = " ".join(name.split())
    if not stripped or len(stripped) > LONGEST or breaks(name):
        raise InvalidTag(f"{shown(name)} cannot be a tag: use 1 to {LONGEST} letters on one line.")
    return stripped
