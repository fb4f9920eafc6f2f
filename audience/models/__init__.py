"""People and where they may be reached: lists, subscribers, subscriptions, fields, segments, suppressions, imports."""

from audience.models.imports import Import, SuppressionImport
from audience.models.lists import CustomField, KeptLists, MailingList, MailingListQuerySet, SubscriberTag
from audience.models.people import (
    ConsentEvent,
    Erasure,
    Subscriber,
    Subscription,
    SubscriptionQuerySet,
    TaggedSubscription,
)
from audience.models.segments import Segment
from audience.models.suppressions import LiftedSuppression, Suppression

__all__ = [
    "ConsentEvent",
    "CustomField",
    "Erasure",
    "Import",
    "KeptLists",
    "LiftedSuppression",
    "MailingList",
    "MailingListQuerySet",
    "Segment",
    "Subscriber",
    "SubscriberTag",
    "Subscription",
    "SubscriptionQuerySet",
    "Suppression",
    "SuppressionImport",
    "TaggedSubscription",
]
