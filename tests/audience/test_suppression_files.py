"""Suppressions from files and pasted lists, back into files, and the command."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command

from audience import suppression_files, suppressions
from audience.errors import ImportRefused, NotAllowed
from audience.models import Suppression
from audience.suppression_files import Counts
from tests.factories import MailingListFactory, MembershipFactory, OrganizationFactory, UserFactory, staff
from tests.races import at_once, race


def stored():
    return {(row.kind, row.value, row.reason, row.source) for row in Suppression.objects.all()}


def test_a_pasted_list_may_mix_addresses_domains_and_numbers(organization):
    pasted = "Ann@Example.com\n\n@spam.example\r\nexample.org\n+45 20 12 34 56\nbob@example.com, cid@example.com\n"

    taken = suppression_files.take_text(pasted, organization=organization, by=staff(organization), source="paste")

    assert taken.counts == Counts(6, 0, 0)
    assert {(kind, value) for kind, value, _, _ in stored()} == {
        ("email", "ann@example.com"),
        ("domain", "spam.example"),
        ("domain", "example.org"),
        ("phone", "+4520123456"),
        ("email", "bob@example.com"),
        ("email", "cid@example.com"),
    }
    assert {source for _, _, _, source in stored()} == {"paste"}


def test_columns_are_found_by_their_names(organization):
    text = "Name;Email;Reason;Source\nAnn;ann@example.com;bounced;550 no such user\nBob;bob@example.com;dislike;\n"

    suppression_files.take_text(text, organization=organization, by=staff(organization), source="old provider")

    assert stored() == {
        ("email", "ann@example.com", "bounced", "550 no such user"),
        ("email", "bob@example.com", "imported", "old provider"),
    }


def test_a_file_without_a_header_is_read_by_the_look_of_its_cells(organization):
    text = "1,ann@example.com,Ann\n2,bob@example.com,Bob\n"

    suppression_files.take_text(text, organization=organization, by=staff(organization))

    assert {value for _, value, _, _ in stored()} == {"ann@example.com", "bob@example.com"}


def test_rows_that_cannot_be_understood_are_told_and_the_rest_is_kept(organization):
    taken = suppression_files.take_text(
        "ann@example.com\nno address at all\n12345\nann@example.com\n",
        organization=organization,
        by=staff(organization),
    )

    assert taken.counts == Counts(1, 1, 2)
    assert [(row.number, row.written) for row in taken.refusals] == [(2, "no address at all"), (3, "12345")]


def test_what_is_suppressed_already_keeps_its_first_reason(organization):
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="complained")

    taken = suppression_files.take_text(
        "ann@example.com\nbob@example.com", organization=organization, by=staff(organization)
    )

    assert taken.counts == Counts(1, 1, 0)
    assert Suppression.objects.get(value="ann@example.com").reason == "complained"


def test_a_file_for_one_list_counts_for_that_list_only(organization):
    mailing_list = MailingListFactory(organization=organization)

    suppression_files.take_text(
        "ann@example.com", organization=organization, mailing_list=mailing_list, by=staff(organization)
    )

    assert Suppression.objects.get().scope == "list"
    assert suppressions.check(organization, "ann@example.com") is None


@pytest.mark.parametrize("who", ["viewer", "approver"])
def test_who_may_not_write_imports_nothing(organization, who):
    with pytest.raises(NotAllowed):
        suppression_files.take_text("ann@example.com", organization=organization, by=staff(organization, who))

    assert not Suppression.objects.exists()


def test_only_superusers_import_for_the_system(organization):
    with pytest.raises(NotAllowed, match="superusers"):
        suppression_files.take_text("ann@example.com", organization=None, by=staff(organization))

    assert not Suppression.objects.exists()


@pytest.mark.parametrize("content", ["", "  \n \n"])
def test_an_empty_file_is_refused(organization, content):
    with pytest.raises(ImportRefused):
        suppression_files.take_text(content, organization=organization, by=staff(organization))


def test_an_export_can_be_imported_elsewhere_as_it_is(organization):
    suppressions.suppress(organization=organization, kind="email", value="=cmd@example.com", reason="bounced")
    suppressions.suppress(organization=organization, kind="domain", value="example.org", source='=1+1, "quoted"')
    suppressions.suppress(organization=organization, kind="phone", value="+4520123456", reason="complained")
    other = OrganizationFactory()

    text = "".join(suppression_files.lines(Suppression.objects.of(organization)))
    suppression_files.take_text(text.removeprefix("\ufeff"), organization=other, by=staff(other))

    columns = ("kind", "value", "reason", "source")
    copies, originals = (set(Suppression.objects.of(each).values_list(*columns)) for each in (other, organization))
    assert copies == originals


def test_an_export_holds_no_formula(organization):
    suppressions.suppress(organization=organization, kind="email", value="=cmd@example.com", source="@SUM(A1)")

    text = "".join(suppression_files.lines(Suppression.objects.of(organization)))

    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert (row["value"], row["source"]) == ("'=cmd@example.com", "'@SUM(A1)")


# --- the command -------------------------------------------------------------------------------------------------


def said(*words):
    out = io.StringIO()
    call_command("suppressions", *map(str, words), stdout=out)
    return out.getvalue()


def test_the_command_imports_checks_counts_and_exports(organization, bob, tmp_path):
    file = tmp_path / "blocked.csv"
    file.write_text("email,reason\nann@example.com,bounced\nnonsense,\n")

    taken = said("import", file, "--as", "bob", "--source", "old provider")
    checked = said("check", "ANN@example.com", "bob@example.com", "--as", "bob")
    counted = said("stats", "--as", "bob")
    exported = said("export", "--as", "bob")

    assert "1 added" in taken
    assert "row 3: " in taken
    assert "ANN@example.com: suppressed: bounced (old provider) for the organization" in checked
    assert "bob@example.com: not suppressed" in checked
    assert "1 bounced" in counted
    assert "ann@example.com,email,bounced,old provider,organization" in exported


def test_the_command_suppresses_for_one_list(organization, bob, tmp_path):
    mailing_list = MailingListFactory(organization=organization, name="Daily")
    file = tmp_path / "blocked.txt"
    file.write_text("ann@example.com\n")

    said("import", file, "--as", "bob", "--list", "Daily")

    assert Suppression.objects.get().mailing_list == mailing_list


def test_the_command_reaches_the_system_only_for_superusers(organization, bob, tmp_path):
    UserFactory(username="root", is_superuser=True)
    file = tmp_path / "blocked.txt"
    file.write_text("ann@example.com\n")

    with pytest.raises(CommandError, match="superusers"):
        said("import", file, "--as", "bob", "--system")
    said("import", file, "--as", "root", "--system")

    assert Suppression.objects.get().scope == "system"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stats", "--as", "nobody"), "no active user"),
        (("stats", "--as", "bob", "--list", "Weekly"), "sees no list Weekly"),
        (("stats", "--as", "bob", "--organization", "elsewhere"), "sees no organization elsewhere"),
        (("import", "/nowhere.csv", "--as", "bob"), "cannot be read"),
        (("export", "--as", "bob", "--system"), "superusers"),
    ],
)
def test_the_command_says_what_is_wrong(organization, bob, words, message):
    with pytest.raises(CommandError, match=message):
        said(*words)


def test_the_command_asks_for_an_organization_where_there_are_several(bob, organization):
    MembershipFactory(user=bob)

    with pytest.raises(CommandError, match="--organization"):
        said("stats", "--as", "bob")


def test_what_stands_in_a_file_twice_or_is_known_keeps_what_was_said_first(organization):
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="bounced")
    text = "email,reason,source\n" + "".join(
        f"{name}@example.com,{reason},{source}\n"
        for name, reason, source in (
            ("ann", "complained", "a"),
            ("bob", "complained", "b\t\\N"),
            ("bob", "bounced", "c"),
        )
    )

    taken = suppression_files.take_text(text, organization=organization, by=staff(organization))

    assert taken.counts == Counts(1, 2, 0)
    assert {value: reason for _, value, reason, _ in stored()} == {
        "ann@example.com": "bounced",
        "bob@example.com": "complained",
    }


def test_the_number_of_statements_does_not_grow_with_the_rows(organization, django_assert_max_num_queries):
    text = "".join(f"p{number}@example.com\n" for number in range(3000))
    by = staff(organization)

    with django_assert_max_num_queries(8):
        assert suppression_files.take_text(text, organization=organization, by=by).counts.added == 3000


@race
def test_two_who_suppress_the_same_at_once_suppress_it_once(organization):
    names = [f"p{number}@example.com" for number in range(500)]
    by = staff(organization)

    one, other = at_once(
        lambda: suppression_files.take_text("\n".join(names), organization=organization, by=by),
        lambda: suppression_files.take_text("\n".join(reversed(names)), organization=organization, by=by),
    )

    assert one.counts.added + other.counts.added == 500 == Suppression.objects.count()
    assert one.counts.known + other.counts.known == 500
