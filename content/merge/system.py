"""What tags of other languages can name and no person has a field for. Nobody can write these names.

The compiler gives what it knows of the message itself; the rest is `content.addressing.Addressing.system`, from whoever
sends it. What nobody gives is empty.
"""

PREFIX = "__"
# Of the message; the compiler has them.
OF_MESSAGE = {
    "__seed": "run and person, to draw by",
    "__subscriber_id": "the person's number",
    "__sender_email": "the Sender header",
    "__from_name": "the sender name as this person sees it",
    "__from_email": "the sender address",
    "__reply_to": "where replies go",
    "__unsubscribe_token": "what unsubscribes this person",
}
# Of the list, the campaign and the organization; times are ISO texts in the organization's time zone.
GIVEN = {
    "__now": "when the run began",
    "__run_id": "what the campaign's statistics are known by",
    "__campaign_id": "the campaign's number",
    "__campaign_name": "the campaign's name",
    "__list_id": "the number of the list that reaches the person",
    "__list_name": "its name",
    "__subscribed_at": "when the person joined it",
    "__subscribed_ip": "from which address",
    "__confirmed_at": "when they confirmed",
    "__author_first_name": "of who made the campaign",
    "__author_last_name": "of who made the campaign",
    "__author_email": "of who made the campaign",
    "__organization_name": "the organization's name",
    "__organization_address": "its postal address on one line",
    "__organization_timezone": "its time zone",
    "__url_domain": "the domain of tracked links",
    "__envelope_domain": "the domain of the envelope sender",
    "__share_on_twitter": "an address that shares the campaign's page; none unless it is public",
    "__share_on_facebook": "an address that shares the campaign's page; none unless it is public",
}
# Never given: for a tag that only says words of its own.
NONE = "__none"
