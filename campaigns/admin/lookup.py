"""Finding the campaign a page is about, and telling people what was refused."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin.desk import row_of
from accounts.admin.pages import Crumb, to
from accounts.permissions import Permission
from campaigns.errors import CampaignError, InvalidTransition, Locked, NotReady
from campaigns.models import Campaign

CampaignView = Callable[[HttpRequest, Campaign], HttpResponse]


def campaign_of(request: HttpRequest, pk: int, permission: Permission = Permission.READ) -> Campaign:
    """The campaign, if this person may see it; 403 where their role does not allow the act."""
    people = ("submitted_by", "approved_by", "created_by")
    rows = Campaign.objects.kept().select_related("organization", "edition", *people)
    return row_of(request, rows, pk, permission, "campaign")


def of_campaign(permission: Permission = Permission.READ) -> Callable[[CampaignView], Callable[..., HttpResponse]]:
    """A view of one campaign, found by the `pk` of its address."""

    def decorate(view: CampaignView) -> Callable[..., HttpResponse]:
        @wraps(view)
        def found(request: HttpRequest, pk: int) -> HttpResponse:
            return view(request, campaign_of(request, pk, permission))

        return found

    return decorate


def crumbs_of(campaign: Campaign | None = None) -> list[Crumb]:
    """The way to a campaign's page."""
    way = [("Campaigns", to("campaigns_campaign_changelist"))]
    return [*way, (campaign.name, to("campaigns_campaign_change", campaign.pk))] if campaign else way


def back_to(campaign: Campaign) -> HttpResponse:
    return redirect(to("campaigns_campaign_change", campaign.pk))


def explain(refused: CampaignError) -> list[str]:
    """What to tell the person, with what they can do about it."""
    match refused:
        case NotReady():
            return [message for found in refused.problems.values() for message in found]
        case InvalidTransition():
            return [f"{refused} Below is what can be done with it now."]
        case Locked():
            return [str(refused)]
        case _:
            return [f"{refused} Ask an administrator of your organization."]


def tell_refusal(request: HttpRequest, refused: CampaignError) -> None:
    for message in explain(refused):
        messages.error(request, message)
