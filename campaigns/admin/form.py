"""Writing a campaign: name, channel, what it says, who gets it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.actors import Actor
from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, fragment, page, row_number, to
from accounts.models import Edition, Organization
from accounts.permissions import Permission
from accounts.public_ids import new_public_id
from audience import selection
from audience.models import MailingList
from audience.segments import listed
from campaigns import drafts, local_times
from campaigns.admin.estimates import Estimate, estimate
from campaigns.admin.lookup import back_to, campaign_of, crumbs_of, explain
from campaigns.drafts import Part
from campaigns.errors import CampaignError
from campaigns.models import LONGEST_CAP_HOURS, LONGEST_LIFE_HOURS, Campaign, Channel, State
from content.analytics import require_hosts
from content.models import Email
from delivery.audiences import Audience
from tags.models import Tag

NEW, EXISTING = "new", "existing"
EMAILS_OFFERED = 200
PLAIN_FIELDS = (
    *("name", "channel", "edition", "frequency_cap_hours", "tracks_conversions", "analytics_domains", "is_public"),
    *("local_time", "expires_after_hours", "expires_at"),
)
STARTER = """<h1>A headline people want to read</h1>
<p>Hello {{ first_name|default("there") }},</p>
<p>write what you have to say here.</p>
<p><a href="https://example.com/">A link to follow</a></p>
<hr>
<p><small>You get this because you subscribed. <a href="{{ unsubscribe_url }}">Unsubscribe</a> ·
<a href="{{ view_url }}">View in the browser</a></small></p>
"""


class CampaignForm(DeskForm):
    name = forms.CharField(max_length=255, help_text="Only you and your colleagues see it.")
    channel = forms.ChoiceField(choices=Channel.choices, initial=Channel.EMAIL, widget=forms.RadioSelect)
    edition = forms.ModelChoiceField(Edition.objects.none(), required=False, empty_label="No edition")
    content = forms.ChoiceField(
        choices=((NEW, "Write a new email"), (EXISTING, "Use an email that is there")),
        widget=forms.RadioSelect,
        required=False,
    )
    email = forms.ModelChoiceField(
        Email.objects.none(),
        required=False,
        empty_label="Choose an email…",
        widget=forms.Select(attrs={"data-one": "email", "data-all": "emails"}),
    )
    sms_body = forms.CharField(
        label="Text",
        required=False,
        max_length=1600,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Merge fields such as {{ first_name }} are filled in for each person.",
    )
    included = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Send to")
    excluded = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="But not to")
    frequency_cap_hours = forms.IntegerField(
        label="Frequency cap in hours",
        required=False,
        min_value=1,
        max_value=LONGEST_CAP_HOURS,
        help_text="Leaves out people who got another campaign within so many hours. Empty: leaves out nobody.",
    )
    local_time = forms.BooleanField(
        label="In each person's own time",
        required=False,
        help_text="Scheduled for 18:00, it goes to everybody when it is 18:00 where they live.",
    )
    expires_after_hours = forms.IntegerField(
        label="Expires after hours",
        required=False,
        min_value=1,
        max_value=LONGEST_LIFE_HOURS,
        help_text="Skips who could not be sent to within so many hours. Empty: nobody is too late.",
    )
    expires_at = forms.DateTimeField(
        label="Expires at",
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Skips who was not sent to by then, in the time of the edition or organization.",
    )
    tracks_conversions = forms.BooleanField(
        label="Track conversions",
        required=False,
        help_text="Links tell the pages they lead to who came, so that a shop's server can report what was bought.",
    )
    analytics_domains = forms.CharField(
        label="Hosts for web analytics",
        required=False,
        validators=[require_hosts],
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "example.com", "spellcheck": "false"}),
        help_text="Tracked links to them get utm_source, utm_medium, utm_campaign and utm_term, unless written with "
        "their own. One a line, with everything below it; * is all links, empty is none.",
    )
    is_public = forms.BooleanField(
        label="Show it in the archive",
        required=False,
        help_text="Once it is sent, anybody may read it, without anything personal; also in the feed.",
    )
    tags = forms.ModelMultipleChoiceField(Tag.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)
    new_tags = forms.CharField(
        label="New tags", required=False, max_length=500, help_text="Separate several with commas."
    )

    def __init__(self, *args: Any, organization: Organization, campaign: Campaign | None = None, **kwargs: Any) -> None:
        self.organization, self.campaign = organization, campaign
        self.parts = _parts_offered(organization, campaign)
        super().__init__(*args, initial=_initial(campaign) if campaign else None, **kwargs)
        fields = cast(dict[str, Any], self.fields)
        fields["edition"].queryset = Edition.objects.of(organization).filter(is_archived=False)
        emails = Email.objects.of(organization).order_by("-modified_at")
        fields["email"].queryset = emails
        fields["email"].choices = _email_choices(emails, campaign)
        fields["tags"].queryset = Tag.objects.of(organization)
        fields["included"].choices = fields["excluded"].choices = [(key, key) for key in self.parts]
        fields["email"].is_needed = fields["sms_body"].is_needed = True  # by its channel
        if campaign is None:
            fields["frequency_cap_hours"].initial = organization.frequency_cap_hours
            fields["content"].initial = EXISTING if emails.exists() else NEW
        elif campaign.state != State.DRAFT:
            fields["channel"].disabled = True

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        both = set(given.get("included", [])) & set(given.get("excluded", []))
        for key in both:
            self.add_error("excluded", f"{self.label_of(key)} is chosen above too: nobody would be left of it.")
        if given.get("expires_at"):
            zone = given["edition"].timezone if given.get("edition") else self.organization.timezone
            given["expires_at"] = local_times.moment(given["expires_at"].replace(tzinfo=None), zone)
        if given.get("content") == EXISTING and given.get("channel") == Channel.EMAIL and not given.get("email"):
            self.add_error("email", "Choose an email, or write a new one.")
        return given

    def label_of(self, key: str) -> str:
        return " in ".join(str(row) for row in (self.parts[key].segment, self.parts[key].mailing_list) if row)

    @property
    def audience(self) -> list[Part]:
        """The parts ticked, as the drafts module takes them."""
        given = self.cleaned_data
        chosen = [self.parts[key] for key in given.get("included", [])]
        without = [self.parts[key] for key in given.get("excluded", [])]
        return [*chosen, *(Part(mailing_list=p.mailing_list, segment=p.segment, excluded=True) for p in without)]

    @property
    def values(self) -> dict[str, Any]:
        """What `drafts.create` and `drafts.edit` are given."""
        given = self.cleaned_data
        names = [tag.name for tag in given["tags"]]
        names += [name.strip() for name in given["new_tags"].split(",") if name.strip()]
        values = {name: given[name] for name in PLAIN_FIELDS}
        values |= {"tags": names, "audience": self.audience}
        if given["channel"] == Channel.SMS:
            return values | {"sms_body": given["sms_body"]}
        return values if given.get("content") == NEW else values | {"email": given["email"]}

    @property
    def wants_new_email(self) -> bool:
        given = self.cleaned_data
        return bool(given["channel"] == Channel.EMAIL and given.get("content") == NEW)


def key_of(part: Part) -> str:
    """How a part is named in the form: `list-3`, `segment-5`, or both of a segment within a list."""
    named = (("list", part.mailing_list), ("segment", part.segment))
    return "+".join(f"{kind}-{row.pk}" for kind, row in named if row)


def _parts_offered(organization: Organization, campaign: Campaign | None) -> dict[str, Part]:
    lists = [Part(mailing_list=row) for row in MailingList.objects.of(organization)]
    own = [part.segment for part in _parts_of(campaign) if part.segment and part.segment.is_ad_hoc]
    segments = [Part(segment=row) for row in [*listed(organization), *own]]
    # A segment within a list is made through the APIs; here it can be kept or taken out.
    combined = [part for part in _parts_of(campaign) if part.mailing_list and part.segment]
    plain = [Part(mailing_list=part.mailing_list, segment=part.segment) for part in combined]
    return {key_of(part): part for part in [*lists, *segments, *plain]}


def _parts_of(campaign: Campaign | None) -> list[Part]:
    rows: Iterable[Any] = campaign.audience.select_related("mailing_list", "segment") if campaign else ()
    return [Part(mailing_list=row.mailing_list, segment=row.segment, excluded=row.excluded) for row in rows]


def _initial(campaign: Campaign) -> dict[str, Any]:
    variant = campaign.variants.first()
    parts = _parts_of(campaign)
    return {
        "name": campaign.name,
        "channel": campaign.channel,
        "edition": campaign.edition_id,
        "content": EXISTING if variant and variant.email_id else NEW,
        "email": variant.email_id if variant else None,
        "sms_body": variant.sms_body if variant else "",
        "frequency_cap_hours": campaign.frequency_cap_hours,
        "local_time": campaign.local_time,
        "expires_after_hours": campaign.expires_after_hours,
        "expires_at": _typed(campaign.expires_at, local_times.home_of(campaign)),
        "tracks_conversions": campaign.tracks_conversions,
        "analytics_domains": campaign.analytics_domains,
        "is_public": campaign.is_public,
        "included": [key_of(part) for part in parts if not part.excluded],
        "excluded": [key_of(part) for part in parts if part.excluded],
        "tags": [tag.pk for tag in campaign.tags.all()],
    }


def _typed(moment: datetime | None, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") if moment else ""


def _email_choices(emails: Any, campaign: Campaign | None) -> Sequence[tuple[Any, str]]:
    """The latest emails, and always the one that is chosen."""
    offered = list(emails.only("pk", "title", "subject")[:EMAILS_OFFERED])
    chosen = [variant.email for variant in campaign.variants.select_related("email")] if campaign else []
    rows = {email.pk: email for email in [*offered, *chosen] if email}
    return [("", "Choose an email…"), *((pk, _email_label(email)) for pk, email in rows.items())]


def _email_label(email: Email) -> str:
    return f"{email.title} – {email.subject}" if email.subject and email.subject != email.title else email.title


# --- pages -------------------------------------------------------------------------------------------------------


def add(request: HttpRequest) -> HttpResponse:
    """A new draft."""
    at = desk(request)
    if not at.may(Permission.CREATE):
        raise PermissionDenied
    if at.organization is None:
        messages.info(request, "Choose the organization the campaign is for, at the top of the menu.")
        return redirect(to("campaigns_campaign_changelist"))
    form, wish = CampaignForm(request.POST or None, organization=at.organization), _wish(request)
    if made := _made_of(wish, request):
        messages.info(request, f"“{made.name}” is a draft already: this form made it. Change it here.")
        return back_to(made)
    if request.method == "POST" and form.is_valid() and (campaign := _make(request, form, wish)):
        if form.wants_new_email:
            return _to_editor(request, campaign)
        messages.success(request, f"“{campaign.name}” is a draft now.")
        return back_to(campaign)
    return _form_page(request, form, title="New campaign", wish=_signer(request).sign(wish))


def _wish(request: HttpRequest) -> str:
    """The public id the new campaign will have: minted with the form, so that a form sent twice makes one draft."""
    try:
        return _signer(request).unsign(request.POST.get("wish", ""))
    except signing.BadSignature:
        return new_public_id("cmp")


def _signer(request: HttpRequest) -> signing.Signer:
    return signing.Signer(salt=f"{__name__}.{request.user.pk}")


def _made_of(wish: str, request: HttpRequest) -> Campaign | None:
    return Campaign.objects.visible_to(request.user).kept().filter(public_id=wish).first()


def _make(request: HttpRequest, form: CampaignForm, wish: str) -> Campaign | None:
    """As `_save`; a twin that was sent in the same moment finds what the other one made."""
    try:
        return _save(request, form, wish=wish)
    except IntegrityError:
        # or it was made and deleted since: then this is a new wish
        return _made_of(wish, request) or _save(request, form, wish=new_public_id("cmp"))


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a campaign that has not started."""
    campaign = campaign_of(request, pk, Permission.UPDATE)
    if campaign.is_fixed:
        messages.error(request, "It has been sent, so it cannot be changed any more. Copy it instead.")
        return back_to(campaign)
    form = CampaignForm(request.POST or None, organization=campaign.organization, campaign=campaign)
    if request.method == "POST" and form.is_valid() and (saved := _save(request, form, campaign)):
        if form.wants_new_email:
            return _to_editor(request, saved)
        messages.success(request, f"“{saved.name}” is saved.")
        return back_to(saved)
    return _form_page(request, form, title="Edit", campaign=campaign)


def _save(
    request: HttpRequest, form: CampaignForm, campaign: Campaign | None = None, *, wish: str = ""
) -> Campaign | None:
    """The campaign, and the email it is to say, both or neither; None where it is refused, which the form then says."""
    by = actor(request)
    try:
        with transaction.atomic():
            if campaign is None:
                campaign = drafts.create(form.organization, by=by, public_id=wish, **form.values)
            else:
                campaign = drafts.edit(campaign, by=by, **form.values)
            if form.wants_new_email:
                campaign = drafts.edit(campaign, by=by, email=_new_email(campaign, by))
            return campaign
    except CampaignError as refused:
        form.add_error(None, forms.ValidationError(explain(refused)))
        return None


def _new_email(campaign: Campaign, by: Actor) -> Email:
    """From the sender of the campaign's edition."""
    edition = campaign.edition
    return Email.objects.create(
        organization=campaign.organization,
        edition=edition,
        title=campaign.name,
        from_name=edition.from_name if edition else "",
        from_email=edition.from_email if edition else "",
        html=STARTER,
        created_by=by.user,
    )


def _to_editor(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Open the campaign's new email for writing."""
    email = campaign.variants.get(position=0).email_id
    messages.success(request, f"“{campaign.name}” is a draft now. Write its email; then choose when it goes out.")
    return redirect(f"{to('content_email_change', email)}?campaign={campaign.pk}")


def _form_page(
    request: HttpRequest, form: CampaignForm, *, title: str, campaign: Campaign | None = None, wish: str = ""
) -> HttpResponse:
    return page(
        request,
        "admin/campaigns/campaign/form.html",
        title=title,
        crumbs=crumbs_of(campaign),
        form=form,
        campaign=campaign,
        wish=wish,
        groups=_groups(form),
        status=422 if form.is_bound else 200,
    )


def _groups(form: CampaignForm) -> list[dict[str, Any]]:
    """The audience's two boxes, each with what can be ticked in it."""
    lists = [(key, part) for key, part in form.parts.items() if not part.segment]
    segments = [(key, part) for key, part in form.parts.items() if part.segment]
    return [
        {
            "name": name,
            "field": form[name],
            "lists": [_choice(form, name, key) for key, _ in lists],
            "segments": [_choice(form, name, key) for key, _ in segments],
        }
        for name in ("included", "excluded")
    ]


def _choice(form: CampaignForm, name: str, key: str) -> dict[str, Any]:
    return {"key": key, "label": form.label_of(key), "checked": key in (form[name].value() or [])}


def estimate_draft(request: HttpRequest) -> HttpResponse:
    """Who would get the audience that is ticked right now, before anything is saved."""
    organization = desk(request).organization
    if named := request.POST.get("campaign"):
        organization = campaign_of(request, row_number(named) or 0).organization
    if organization is None or not desk(request).may(Permission.READ, organization):
        raise PermissionDenied
    counted = _estimate_ticked(request, organization)
    nobody = "" if request.POST.getlist("included") else "Tick a list or a segment to see how many people it reaches."
    return fragment(request, "admin/campaigns/campaign/estimate_full.html", estimate=counted, nobody=nobody)


def _estimate_ticked(request: HttpRequest, organization: Organization) -> Estimate:
    ticked = [(key, False) for key in request.POST.getlist("included")]
    ticked += [(key, True) for key in request.POST.getlist("excluded")]
    channel = request.POST.get("channel")
    hours = row_number(request.POST.get("frequency_cap_hours"))
    return estimate(
        Audience(
            organization=organization,
            parts=[_part_named(key, excluded) for key, excluded in ticked],
            channel=channel if channel in Channel.values else Channel.EMAIL,
            cap_hours=hours if hours and hours <= LONGEST_CAP_HOURS else None,
        )
    )


def _part_named(key: str, excluded: bool) -> selection.Part:
    """From `list-3+segment-5`; what makes no sense reaches nobody."""
    pairs = dict(piece.partition("-")[::2] for piece in key.split("+"))
    numbers = {kind: row_number(number) for kind, number in pairs.items()}
    return selection.Part(numbers.get("list"), numbers.get("segment"), excluded)
