"""From where a rule looks at a person."""

from dataclasses import dataclass

from accounts.models import Organization


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The query a condition is written for.

    `person` is the lookup prefix from the query's model to Subscriber. `row` is the prefix to the Subscription that is
    looked at, or None where rules look at the person as a whole. `mailing_lists` are the lists whose fields may be
    named; empty means all lists of the organization.
    """

    organization: Organization
    mailing_lists: tuple[int, ...] = ()
    person: str = ""
    row: str | None = None

    @classmethod
    def of_people(cls, organization: Organization) -> "Scope":
        """For a query of Subscriber that looks at whole people."""
        return cls(organization=organization)

    @classmethod
    def of_rows(cls, organization: Organization, mailing_lists: tuple[int, ...]) -> "Scope":
        """For a query of Subscription that looks at one row of one of these lists."""
        return cls(organization=organization, mailing_lists=mailing_lists, person="subscriber__", row="")

    @classmethod
    def of_people_behind_rows(cls, organization: Organization) -> "Scope":
        """For a query of Subscription that looks at the whole person the row belongs to."""
        return cls(organization=organization, person="subscriber__")
