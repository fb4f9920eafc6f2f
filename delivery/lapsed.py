"""People who may not be written to any more: who left, bounced, complained or was suppressed after the audience was
fixed. Between then and their message may lie a split test, a pause or an outage of days.
"""

from datetime import datetime, timedelta

from audience import selection
from campaigns.models import CampaignRun
from delivery import settlement
from delivery.models import Recipient
from delivery.settlement import Claim

# What was fixed so lately is not looked up again: it costs a query for each batch.
TRUSTED_FOR = timedelta(minutes=5)


def skip_lapsed(claim: Claim, run: CampaignRun, *, at: datetime) -> int:
    """Skip those of a claimed batch who wait for their first try, with what keeps them out now; how many. Raises
    ClaimLost.

    Asked of the subscription through which each was reached. Segments are not asked again: who was in them when the
    audience was fixed is meant.
    """
    if run.frozen_at is None or at - run.frozen_at < TRUSTED_FOR:
        return 0
    waiting = Recipient.objects.filter(batch=claim.batch_id, state=Recipient.State.PENDING, claim=0)
    waiting = waiting.filter(subscriber__isnull=False)  # who is erased was skipped then
    rows = list(waiting.order_by("pk").values_list("pk", "subscriber_id", "subscription_id"))
    people = {subscriber_id: subscription_id for _, subscriber_id, subscription_id in rows}
    campaign = run.campaign
    reasons = selection.reasons_now(campaign.organization, people, channel=campaign.channel)
    lapsed = {pk: reasons[subscriber_id] for pk, subscriber_id, _ in rows if subscriber_id in reasons}
    return settlement.skip(claim, lapsed, at=at) if lapsed else 0
