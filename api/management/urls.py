"""The addresses of the REST API; the trailing slash is canonical and optional."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.urls import path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from api.management.campaigns.views import CampaignView
from api.management.custom_fields import CustomFieldView
from api.management.editions import EditionView
from api.management.email_messages import EmailMessageView
from api.management.imports import ImportView
from api.management.lifted_suppressions import LiftedSuppressionView
from api.management.mailing_lists import MailingListView, TagView
from api.management.organizations import MeView, OrganizationView
from api.management.quiet_hours import QuietHoursView
from api.management.segments import SegmentView
from api.management.subscribers import SubscriberView
from api.management.subscriptions import SubscriberTagView, SubscriptionView
from api.management.suppression_imports import SuppressionImportView
from api.management.suppressions import SuppressionView
from api.management.views import NothingHere
from api.management.webhooks import WebhookView

# Swagger UI draws its arrows from data: addresses and styles its parts in place; its scripts are files.
documentation = csp_replace({"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]})(
    SpectacularSwaggerSplitView.as_view(url_name="management-schema")
)

router = DefaultRouter()
router.include_root_view = False
router.include_format_suffixes = False
router.trailing_slash = "/?"
router.register("campaigns", CampaignView)
router.register("organizations", OrganizationView)
router.register("editions", EditionView)
router.register("email-messages", EmailMessageView)
router.register("mailing-lists", MailingListView)
router.register("subscribers", SubscriberView)
router.register("subscriptions", SubscriptionView)
router.register("subscriber-tags", SubscriberTagView)
router.register("custom-fields", CustomFieldView)
router.register("segments", SegmentView)
router.register("suppressions", SuppressionView)
router.register("lifted-suppressions", LiftedSuppressionView)
router.register("imports", ImportView)
router.register("suppression-imports", SuppressionImportView)
router.register("quiet-hours", QuietHoursView)
router.register("tags", TagView)
router.register("webhooks", WebhookView)

urlpatterns = [
    path("", RedirectView.as_view(url="docs/")),
    *router.urls,
    # the same under the names other tools know it by
    re_path(r"^campaigns/(?P<id>[^/]+)/send[-_]now/?$", CampaignView.as_view({"post": "send"}, schema=None)),
    re_path(r"^auth/me/?$", MeView.as_view(), name="me"),
    re_path(r"^schema/?$", SpectacularJSONAPIView.as_view(), name="management-schema"),
    re_path(r"^docs/?$", documentation, name="management-docs"),
    re_path(r"", NothingHere.as_view()),
]
