"""What a campaign says to one person: as they would see it, before anybody does."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, fragment, page, row_number
from accounts.permissions import Permission
from audience.errors import AudienceError
from audience.models import Subscriber
from audience.selection import Part, select
from campaigns.admin.lookup import back_to, crumbs_of, of_campaign
from campaigns.errors import CampaignError
from campaigns.models import Campaign, Channel, Variant
from content.admin.frames import mail_frame
from content.errors import ContentError
from content.sms import count_parts
from delivery import previews
from delivery.retries import Accepted
from splittests import words

OFFERED = 20


@of_campaign()
def preview_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Subject, sender, frame and text for one person of the audience, of one variant."""
    people = list(_people(campaign, request.GET.get("q", ""))[:OFFERED])
    person = _person(request, campaign, people)
    variants = _variants(campaign)
    variant = _variant(request, variants)
    shown, broken = _render(variant or campaign, person)
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
        variant=variant,
        variants=variants,
    )


@of_campaign()
def preview_body(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The HTML part alone, for the sandboxed frame."""
    person = _person(request, campaign, [])
    shown, broken = _render(_variant(request, _variants(campaign)) or campaign, person)
    return mail_frame(shown.html if shown else broken)


def _variants(campaign: Campaign) -> list[Variant]:
    return list(campaign.variants.select_related("email", "campaign").order_by("position"))


def _variant(request: HttpRequest, variants: Sequence[Variant]) -> Variant | None:
    """The one the page asks for, else the first."""
    wanted = row_number(request.GET.get("variant"))
    return next((each for each in variants if each.pk == wanted), variants[0] if variants else None)


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


def _render(source: Campaign | Variant, person: Subscriber | None) -> tuple[previews.Preview | None, str]:
    """What they would see, or why it cannot be shown."""
    try:
        return previews.preview(source, person), ""
    except ContentError as error:
        return None, str(error)


# --- test send ---------------------------------------------------------------------------------------------------


class TestForm(DeskForm):
    addresses = forms.CharField(
        label="Send a test to", widget=forms.TextInput(attrs={"placeholder": "you@example.com, colleague@example.com"})
    )

    variants = forms.MultipleChoiceField(
        label="Of these variants", widget=forms.CheckboxSelectMultiple, required=True, help_text="Each is a message."
    )

    def __init__(self, *args: Any, variants: Sequence[Variant], **kwargs: Any) -> None:
        """Of one variant there is nothing to choose."""
        super().__init__(*args, **kwargs)
        self.all = {str(each.pk): each for each in variants}
        field: Any = self.fields["variants"]
        field.choices = [(key, f"{each.name}: {words.says(each)}") for key, each in self.all.items()]
        field.initial = list(self.all)
        if len(variants) < 2:
            del self.fields["variants"]

    @property
    def chosen(self) -> list[Variant]:
        return [self.all[key] for key in self.cleaned_data.get("variants", self.all)]

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
    form = TestForm(request.POST or None, initial={"addresses": mine}, variants=_variants(campaign))
    if campaign.channel == Channel.SMS:
        form.fields["addresses"].widget.attrs["placeholder"] = "+4930123456"
    if request.method == "POST" and form.is_valid() and _send_test(request, campaign, form):
        return back_to(campaign)
    template = "admin/campaigns/campaign/test.html"
    return page(request, template, title="Send a test", crumbs=crumbs_of(campaign), campaign=campaign, form=form)


def _send_test(request: HttpRequest, campaign: Campaign, form: TestForm) -> bool:
    """One variant after the other; what one of them is refused for, the others have been sent before."""
    person = _people(campaign, "").first()
    try:
        for variant in form.chosen:
            _send_variant(request, variant, form.cleaned_data["addresses"], person, several=len(form.all) > 1)
    except (ContentError, AudienceError, CampaignError) as refused:
        form.add_error("addresses", f"{variant.name}: {refused}" if len(form.all) > 1 else str(refused))
        return False
    return True


def _send_variant(
    request: HttpRequest, variant: Variant, addresses: list[str], person: Subscriber | None, *, several: bool
) -> None:
    outcomes = previews.send_test(variant, addresses, by=actor(request), subscriber=person)
    taken = [address for address, outcome in outcomes.items() if isinstance(outcome, Accepted)]
    which = f"{variant.name} of “{variant.campaign.name}”" if several else f"“{variant.campaign.name}”"
    messages.success(request, f"A test of {which} went to {', '.join(taken)}.")
    for address in outcomes.keys() - set(taken):
        messages.error(request, f"{address} refused the test: {outcomes[address].text}")


# --- SMS ---------------------------------------------------------------------------------------------------------


@require_POST
def sms_parts(request: HttpRequest) -> HttpResponse:
    """How many parts the typed text takes, merge fields counted as they are written."""
    text = request.POST.get("sms_body", "")
    return fragment(request, "admin/campaigns/campaign/sms_parts.html", parts=count_parts(text), text=text)
