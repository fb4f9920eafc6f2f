"""`manage.py import_subscribers`"""

import io

import pytest
from django.core.management import CommandError, call_command

from audience import fields, imports
from audience.models import Import, Subscriber
from tests.factories import MailingListFactory


@pytest.fixture
def news(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    fields.create(organization, key="town", name="Town")
    return mailing_list


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("Email,Wohnort\nann@example.com,Ulm [1]\nbob@example.com,Bonn\nann@example.com,Ulm\nnonsense,x\n")
    return path


def run(*arguments):
    out = io.StringIO()
    call_command("import_subscribers", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_file_is_imported_as_a_named_user(news, people, bob):
    said = run(people, "--list", "News", "--as", "bob", "--column", "Wohnort=town")

    done = Import.objects.get()
    assert (done.status, done.created_by, done.mailing_list) == ("completed", bob, news)
    assert Subscriber.objects.get(email="bob@example.com").fields == {"town": "Bonn"}
    told = [line.strip() for line in said.splitlines()]
    assert {"2 added", "1 changed", "0 unchanged", "1 refused"} <= set(told)
    assert "1 rows repeat an address" in said
    assert done.error_file.path in said


def test_a_dry_run_says_what_would_happen_and_leaves_nothing_behind(
    news, people, bob, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        said = run(people, "--list", news.public_id, "--as", "bob", "--dry-run")

    assert "Nothing was imported" in said
    assert "row 5: " in said
    assert not Import.objects.exists()
    assert not Subscriber.objects.exists()
    assert list(people.parent.glob("media/**/*.csv")) == []


def test_columns_may_be_named_by_number_and_left_out(news, people, bob):
    said = run(people, "--list", "News", "--as", "bob", "--column", "2=", "--skip")

    assert "Wohnort -> (left out)" in said
    assert Import.objects.get().on_conflict == "skip"
    assert Subscriber.objects.get(email="ann@example.com").fields == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--list", "News", "--as", "nobody"], "no active user nobody"),
        (["--list", "Olds", "--as", "bob"], "bob sees no list Olds"),
        (["--list", "News", "--as", "charlie"], "charlie sees no list News"),
        (["--list", "News", "--as", "victor"], "may not import"),
        (["--list", "News", "--as", "bob", "--column", "Stadt=town"], "the file has Email, Wohnort"),
        (["--list", "News", "--as", "bob", "--column", "Wohnort=shoes"], "no field shoes"),
        (["--list", "News", "--as", "bob", "--column", "Email="], "which column holds the email"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_imported(news, people, bob, victor, charlie, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(people, *arguments)

    assert not Import.objects.exists()
    assert not Subscriber.objects.exists()


def test_a_file_that_is_not_there_is_said_so(news, bob, tmp_path):
    with pytest.raises(CommandError, match=r"cannot be read: No such file"):
        run(tmp_path / "nothing.csv", "--list", "News", "--as", "bob")


def test_an_interrupted_import_is_cancelled_and_fails_the_command(news, people, bob, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(imports, "run", interrupted)

    with pytest.raises(CommandError, match=r"^Cancelled\. 0 of 0 rows"):
        run(people, "--list", "News", "--as", "bob")
