"""What a campaign says to one person: as they would see it, before anybody does."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, fragment, page
from accounts.permissions import Permission
from audience.errors import AudienceError
from audience.models import Subscriber
from audience.selection import Part, select
from campaigns.admin.lookup import back_to, crumbs_of, of_campaign
from campaigns.errors import CampaignError
from campaigns.models import Campaign, Channel
from content.admin.frames import mail_frame
from content.errors import ContentError
from content.sms import count_parts
from delivery import previews
from delivery.retries import Accepted

OFFERED = 20


@of_campaign()
def preview_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Subject, sender, frame and text for one person of the audience."""
    people = list(_people(campaign, request.GET.get("q", ""))[:OFFERED])
    person = _person(request, campaign, people)
    shown, broken = _render(campaign, person)
    return fragment(
        request,
        "admin/campaigns/campaign/preview.html",
        campaign=campaign,
        people=people,
        person=person,
        shown=shown,
        broken=broken,
        compact="compact" in request.GET,
        may_test=desk(request).may(Permission.UPDATE, campaign.organization_id),
        variant=campaign.variants.select_related("email").first(),
    )


@of_campaign()
def preview_body(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The HTML part alone, for the sandboxed frame."""
    person = _person(request, campaign, [])
    shown, broken = _render(campaign, person)
    return mail_frame(shown.html if shown else broken)


def _people(campaign: Campaign, words: str) -> Any:
    """Those who would get it, or whoever fits the words."""
    if words:
        rows = Subscriber.objects.of(campaign.organization)
        return rows.filter(Q(email__icontains=words) | Q(phone__icontains=words)).order_by("pk")
    parts = [Part(part.mailing_list_id, part.segment_id, part.excluded) for part in campaign.audience.all()]
    return select(campaign.organization, parts, channel=campaign.channel).order_by("pk")


def _person(request: HttpRequest, campaign: Campaign, people: list[Subscriber]) -> Subscriber | None:
    """Whom the page asks for, else the first of the audience."""
    wanted = request.GET.get("person", "")
    if wanted.isdecimal():
        return Subscriber.objects.of(campaign.organization).filter(pk=wanted).first()
    return people[0] if people else None


def _render(campaign: Campaign, person: Subscriber | None) -> tuple[previews.Preview | None, str]:
    """What they would see, or why it cannot be shown."""
    try:
        return previews.preview(campaign, person), ""
    except ContentError as error:
        return None, str(error)


# --- test send ---------------------------------------------------------------------------------------------------


class TestForm(DeskForm):
    addresses = forms.CharField(
        label="Send a test to", widget=forms.TextInput(attrs={"placeholder": "you@example.com, colleague@example.com"})
    )

    def clean_addresses(self) -> list[str]:
        pieces = self.cleaned_data["addresses"].replace(";", ",").split(",")
        addresses = list(dict.fromkeys(piece.strip() for piece in pieces if piece.strip()))
        if len(addresses) > previews.MOST_TESTS:
            raise forms.ValidationError(f"Send a test to at most {previews.MOST_TESTS} addresses at a time.")
        return addresses


@of_campaign(Permission.UPDATE)
def send_test(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Ask for addresses on GET; send the test on POST."""
    mine = getattr(request.user, "email", "") if campaign.channel == Channel.EMAIL else ""
    form = TestForm(request.POST or None, initial={"addresses": mine})
    if campaign.channel == Channel.SMS:
        form.fields["addresses"].widget.attrs["placeholder"] = "+4930123456"
    if request.method == "POST" and form.is_valid() and _send_test(request, campaign, form):
        return back_to(campaign)
    template = "admin/campaigns/campaign/test.html"
    return page(request, template, title="Send a test", crumbs=crumbs_of(campaign), campaign=campaign, form=form)


def _send_test(request: HttpRequest, campaign: Campaign, form: TestForm) -> bool:
    person = _people(campaign, "").first()
    try:
        outcomes = previews.send_test(campaign, form.cleaned_data["addresses"], by=actor(request), subscriber=person)
    except (ContentError, AudienceError, CampaignError) as refused:
        form.add_error("addresses", str(refused))
        return False
    taken = [address for address, outcome in outcomes.items() if isinstance(outcome, Accepted)]
    messages.success(request, f"A test of “{campaign.name}” went to {', '.join(taken)}.")
    for address in outcomes.keys() - set(taken):
        messages.error(request, f"{address} refused the test: {outcomes[address].text}")
    return True


# --- SMS ---------------------------------------------------------------------------------------------------------


@require_POST
def sms_parts(request: HttpRequest) -> HttpResponse:
    """How many parts the typed text takes, merge fields counted as they are written."""
    text = request.POST.get("sms_body", "")
    return fragment(request, "admin/campaigns/campaign/sms_parts.html", parts=count_parts(text), text=text)
