"""Taking suppressions away again, and the history of who did that, when and why.

Lifting changes no subscription: campaigns reach the address again wherever it is subscribed. Each line of the history
(`LiftedSuppression`) is written in the transaction that lifts. `audience.append_only` keeps the lines as they are;
what can be done to one is to let it forget whom it was about, as the law asks (GDPR article 17).
"""

import logging
from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from accounts.actors import Actor, Surface
from accounts.models import Organization
from accounts.permissions import Permission
from audience.models import LiftedSuppression, Subscriber, Suppression
from audience.suppressions import about, require_may

logger = logging.getLogger(__name__)

LONGEST_WHY = 500
_CHUNK = 1000


def lift(rows: QuerySet[Suppression], *, by: Actor, why: str = "") -> int:
    """Take all of these away, or none, and write down who did and why; how many there were. Raises NotAllowed."""
    with transaction.atomic():
        for organization in _organizations(rows):
            require_may(by, organization, Permission.DELETE)
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        parts = (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
        lifted = sum(_lift_some(some, by, why) for some in parts)
    logger.info("%s lifted %d suppressions", by, lifted)
    return lifted


def _lift_some(keys: Sequence[int], by: Actor, why: str) -> int:
    """Locked in one order, so that of two who lift the same, one finds nothing more to lift."""
    chosen = Suppression.objects.select_related("mailing_list").filter(pk__in=keys).order_by("pk")
    rows = list(chosen.select_for_update(of=("self",)))
    LiftedSuppression.objects.bulk_create([_line(row, by, why) for row in rows])
    Suppression.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _line(row: Suppression, by: Actor, why: str) -> LiftedSuppression:
    return LiftedSuppression(
        organization_id=row.organization_id,
        mailing_list=row.mailing_list,
        list_name=row.mailing_list.name if row.mailing_list else "",
        kind=row.kind,
        value=row.value,
        reason=row.reason,
        source=row.source,
        suppressed_at=row.created_at,
        suppressed_by_id=row.created_by_id,
        by=by.user,
        surface=by.surface,
        why=why.strip()[:LONGEST_WHY],
    )


def _organizations(rows: "QuerySet[Suppression] | QuerySet[LiftedSuppression]") -> list[Organization | None]:
    """Whose these are; None stands for the system."""
    keys = set(rows.order_by().values_list("organization", flat=True).distinct())
    found: list[Organization | None] = list(Organization.objects.filter(pk__in=keys - {None}))
    return [*found, None] if None in keys else found


# --- the history -------------------------------------------------------------------------------------------------


def of_person(person: Subscriber) -> QuerySet[LiftedSuppression]:
    """What was lifted for exactly this person's address or number, in their organization and in the whole system."""
    return LiftedSuppression.objects.filter(about(person))


def forget_person(person: Subscriber, *, by: Actor) -> int:
    """Let the history forget a person who is being erased; how many lines of it. Those of the whole system forget them
    when a superuser erases, as with suppressions nobody else decides there. Whoever calls asks who may erase."""
    rows = of_person(person)
    may_all = by.surface == Surface.SYSTEM or bool(by.user and by.user.is_superuser)
    return _forget(rows if may_all else rows.filter(organization=person.organization_id))


def forget(rows: QuerySet[LiftedSuppression], *, by: Actor) -> int:
    """Let these lines forget whom they were about: addresses nobody here is known by, too. Raises NotAllowed."""
    with transaction.atomic():
        for organization in _organizations(rows):
            require_may(by, organization, Permission.DELETE)
        forgotten = _forget(LiftedSuppression.objects.filter(pk__in=rows.order_by().values("pk")))
    logger.info("%s let the history of %d lifted suppressions forget whom they were about", by, forgotten)
    return forgotten


def _forget(rows: QuerySet[LiftedSuppression]) -> int:
    return rows.exclude(value="").update(value="", source="", why="")
