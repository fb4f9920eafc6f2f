"""Objects for tests. Campaigns get to their state by walking the lifecycle, never by writing it."""

import factory
from factory.django import DjangoModelFactory

from accounts.actors import Actor, Surface
from accounts.models import Edition, Membership, Organization, User
from audience.models import MailingList, Segment, Subscriber, Subscription
from campaigns import drafts, lifecycle
from campaigns.models import ScheduleType
from content.models import Email


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@staff.example")
    is_staff = True
    password = factory.django.Password("correct horse")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    organization = factory.SubFactory(OrganizationFactory)
    role = "manager"


class EditionFactory(DjangoModelFactory):
    class Meta:
        model = Edition

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Edition {n}")
    slug = factory.Sequence(lambda n: f"edition-{n}")
    timezone = "Europe/Berlin"


class MailingListFactory(DjangoModelFactory):
    class Meta:
        model = MailingList

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"List {n}")


class SubscriberFactory(DjangoModelFactory):
    class Meta:
        model = Subscriber

    organization = factory.SubFactory(OrganizationFactory)
    email = factory.Sequence(lambda n: f"reader{n}@example.com")


class SubscriptionFactory(DjangoModelFactory):
    class Meta:
        model = Subscription

    mailing_list = factory.SubFactory(MailingListFactory)
    subscriber = factory.SubFactory(
        SubscriberFactory, organization=factory.SelfAttribute("..mailing_list.organization")
    )


class SegmentFactory(DjangoModelFactory):
    class Meta:
        model = Segment

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Segment {n}")


class EmailFactory(DjangoModelFactory):
    class Meta:
        model = Email

    organization = factory.SubFactory(OrganizationFactory)
    title = factory.Sequence(lambda n: f"Issue {n}")
    subject = "Good morning"
    from_name = "Morning Post"
    from_email = "post@news.example"
    html = (
        "<p>Hello {{ first_name|default('reader') }}, <a href='https://example.com/story'>read on</a>.</p>"
        "<p><a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
    )


def staff(organization, role="admin", *, trusted=True, surface=Surface.ADMIN):
    """An actor of this organization with this role, made if there is none yet."""
    membership = Membership.objects.filter(organization=organization, role=role, trusted=trusted).first()
    membership = membership or MembershipFactory(organization=organization, role=role, trusted=trusted)
    return Actor(user=membership.user, surface=surface)


def draft_campaign(organization=None, *, by=None, people=3, channel="email", **changes):
    """A complete draft to a list of `people` subscribers."""
    organization = organization or OrganizationFactory()
    by = by or staff(organization, "manager", trusted=True)
    mailing_list = MailingListFactory(organization=organization)
    _subscribe(people, mailing_list)
    content = {"email": EmailFactory(organization=organization)} if channel == "email" else {"sms_body": "Good morning"}
    values = {"name": "Morning", "audience": [drafts.Part(mailing_list=mailing_list)], **content, **changes}
    return drafts.create(organization, by=by, channel=channel, **values)


def _subscribe(people, mailing_list):
    everybody = SubscriberFactory.build_batch(people, organization=mailing_list.organization)
    Subscriber.objects.bulk_create(everybody)
    Subscription.objects.bulk_create(Subscription(mailing_list=mailing_list, subscriber=each) for each in everybody)


def campaign_in(state, organization=None, **kwargs):
    """A campaign walked to this state: draft, pending_approval, scheduled, calculating, sending, holding, sent,
    failed, cancelled."""
    organization = organization or OrganizationFactory()
    campaign = draft_campaign(organization, **kwargs)
    for step in PATHS[state]:
        STEPS[step](campaign)
    return campaign


def _later(campaign):
    from datetime import timedelta

    from django.utils.timezone import now

    return lifecycle.Schedule(type=ScheduleType.FUTURE, at=now() + timedelta(days=1), tz="UTC")


STEPS = {
    "submit_untrusted": lambda c: lifecycle.submit(
        c, by=staff(c.organization, "manager", trusted=False), schedule=_later(c)
    ),
    "submit": lambda c: lifecycle.submit(c, by=staff(c.organization, "manager"), schedule=_later(c)),
    "send_now": lambda c: lifecycle.send_now(c, by=staff(c.organization, "manager")),
    "freeze": lambda c: lifecycle.freeze(c, user_count=3, total_recipients=3),
    "hold": lambda c: lifecycle.hold(c),
    "finish": lambda c: lifecycle.finish(c),
    "fail": lambda c: lifecycle.fail(c, reason="The relay is gone."),
    "cancel": lambda c: lifecycle.cancel(c, by=staff(c.organization, "manager")),
}
PATHS = {
    "draft": [],
    "pending_approval": ["submit_untrusted"],
    "scheduled": ["submit"],
    "calculating": ["send_now"],
    "sending": ["send_now", "freeze"],
    "holding": ["send_now", "freeze", "hold"],
    "sent": ["send_now", "freeze", "finish"],
    "failed": ["send_now", "fail"],
    "cancelled": ["cancel"],
}
