"""A run in another product's merge language: from the draft to the message of one person."""

import email
import email.policy
import re

import pytest

from audience.models import CustomField, Subscriber, Subscription
from campaigns.models import Campaign, CampaignRun, ContentSnapshot
from content.merge import greenarrow, octeth_tags, system
from content.models import Email
from delivery.rendering import messages_of, render_recipient, rows
from delivery.system_values import SystemValues
from tests.delivery.states import sending
from tests.factories import EmailFactory

pytestmark = pytest.mark.django_db

WRITTEN = {
    "octeth": {
        "subject": "[[Hello|Good day]] {{ Subscriber:GivenName }} {{ Subscriber:SubscriberID }}",
        "html": "<p>{{ Campaign:CampaignID }}, {{ List:Name }}, %Date=Y-m-d%, %Random:Letters:9%</p>"
        "<p>{{ if Subscriber:Nickname }}a{{ else }}{{ Subscriber:SubscriptionIP }}{{ endif }}</p>"
        "<a href='%Link:Unsubscribe%'>leave</a> <a href='%Link:SocialShare:Twitter%'>share</a>",
    },
    "greenarrow": {
        "subject": "%%Given name%% %%subscriber_id%%",
        "html": "<p>%%data_campaign_id%%, %%mailing_list_name%%, %%data_current_date_database%%, %%nope%%</p>"
        "<p>%%data_subscribe_ip%%</p><a href='%%unsubscribe_link%%'>leave</a> %%unsubscribe_token%%",
    },
}


@pytest.fixture(params=WRITTEN)
def run(request, organization):
    """Of one person, who is Ann."""
    CustomField.objects.create(organization=organization, key="given_name", name="Given name")
    CustomField.objects.create(organization=organization, key="other", name="Other")
    content = EmailFactory(organization=organization, merge_language=request.param, **WRITTEN[request.param])
    _, run = sending(people=1, organization=organization, email=content)
    Subscriber.objects.update(fields={"given_name": "Ann"})
    Subscription.objects.update(ip_address="192.0.2.7")
    return CampaignRun.objects.select_related("campaign__organization").get(pk=run.pk)


def page_of(raw):
    return arrived(raw).get_body(("html",)).get_content()


def arrived(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_a_run_says_the_same_whatever_becomes_of_its_fields(run):
    recipient = run.recipients.get()
    first = render_recipient(recipient)

    CustomField.objects.filter(key="given_name").update(name="Called")
    Email.objects.update(subject="Later")

    page = page_of(first)
    assert page_of(render_recipient(recipient)) == page
    assert f"Ann {recipient.subscriber_id}" in arrived(render_recipient(recipient))["subject"]
    assert f"{run.campaign_id}, {run.campaign.audience.get().mailing_list}, {run.started_at:%Y-%m-%d}" in page
    assert "192.0.2.7" in page
    assert "/u/" in page
    assert [field[1:] for field in ContentSnapshot.objects.get().known_fields] == [["given_name", "Given name"]]


def test_what_the_list_and_the_campaign_are_called_takes_no_query_for_each_message(run, django_assert_num_queries):
    found, said = rows(run.recipients.all()), messages_of(run)

    with django_assert_num_queries(0):
        assert [said.message(row).recipient_id for row in found] == [row.recipient_id for row in found]


@pytest.mark.parametrize(("is_public", "shared"), [(True, 1), (False, 0)])
def test_only_what_is_public_is_shared(organization, is_public, shared):
    content = EmailFactory(organization=organization, merge_language="octeth", **WRITTEN["octeth"])
    campaign, run = sending(people=1, organization=organization, email=content)
    Campaign.objects.update(is_public=is_public)
    said = messages_of(CampaignRun.objects.get(pk=run.pk)).contents(rows(run.recipients.all())[0])
    (link,) = [link for link in said.html.split("href=") if ">share<" in link]

    assert link.startswith('"https://twitter.com/intent/tweet?url=') is bool(shared)
    assert (campaign.public_id in link) is bool(shared)


def test_what_tags_can_name_is_what_a_run_gives(run):
    values = {
        **SystemValues.of(run).constant,
        **SystemValues.of(run).values(rows(run.recipients.all())[0].joined, sender=""),
    }
    shared = {name for name in system.GIVEN if name.startswith("__share_on")}
    codes = [code.expression for code in greenarrow.CODES]
    meanings = [row.meaning.expression for group in octeth_tags.NAMESPACES.values() for row in group]
    named = {name for words in codes + meanings for name in re.findall(r"(?<!\|)\b__\w+", words)}

    assert values.keys() == system.GIVEN.keys() - shared
    assert named <= system.GIVEN.keys() | system.OF_MESSAGE.keys() | {system.NONE}
    assert named | {"__seed", "__now", "__envelope_domain"} >= system.GIVEN.keys()


def test_our_own_language_keeps_no_fields():
    sending(people=1)

    assert ContentSnapshot.objects.get().known_fields == []
