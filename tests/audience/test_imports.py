"""What an import of a CSV file makes of the people in it."""

import csv
import io

from audience.models import Subscriber, SubscriberTag, Subscription
from audience.subscriptions import subscribe
from tests.audience.importing import counts, import_file
from tests.factories import SubscriberFactory


def test_people_are_added_with_the_values_of_their_columns(news):
    done = import_file(news, "Email;Phone number;Town;Size;Notes\nAnn@Example.com;+45 20 12 34 56;Ulm;m;hello\n")

    row = Subscription.objects.select_related("subscriber").get()
    person = row.subscriber
    assert counts(done) == (1, 0, 0, 0)
    assert (person.email, person.phone, person.fields) == ("ann@example.com", "+4520123456", {"town": "Ulm"})
    assert (row.mailing_list, row.status, row.source, row.fields) == (news, "subscribed", "import", {"size": "M"})
    assert row.subscribed_at is not None
    assert (done.started_at is not None, done.finished_at is not None, done.error_file.name) == (True, True, "")


def test_importing_the_same_file_again_changes_nothing(news):
    content = "email,town\n" + "".join(f"r{n}@example.com,Ulm\n" for n in range(5))
    import_file(news, content)
    before = list(Subscription.objects.values()), list(Subscriber.objects.values())

    again = import_file(news, content)

    assert counts(again) == (0, 0, 5, 0)
    assert (list(Subscription.objects.values()), list(Subscriber.objects.values())) == before


def test_people_on_the_list_are_updated_and_empty_cells_leave_what_is_known(news):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm", "age": 5, "size": "S"}, source="page")

    done = import_file(news, "email,town,age,size\nann@example.com,Bonn,,M\n")

    row = Subscription.objects.select_related("subscriber").get()
    assert counts(done) == (0, 1, 0, 0)
    assert (row.subscriber.fields, row.fields, row.source) == ({"town": "Bonn", "age": 5}, {"size": "M"}, "page")


def test_people_on_the_list_can_be_left_as_they_are(news, organization):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm"}, source="page")
    SubscriberFactory(organization=organization, email="bob@example.com", fields={"town": "Ulm"})

    done = import_file(news, "email,town,age\nann@example.com,Bonn,6\nbob@example.com,Bonn,7\n", on_conflict="skip")

    assert counts(done) == (1, 0, 1, 0)
    assert Subscriber.objects.get(email="ann@example.com").fields == {"town": "Ulm"}
    assert Subscriber.objects.get(email="bob@example.com").fields == {"town": "Ulm", "age": 7}


def test_a_person_of_the_organization_is_not_doubled(news, organization):
    person = SubscriberFactory(organization=organization, email="ann@example.com")
    other_tenant = SubscriberFactory(email="ann@example.com")

    import_file(news, "email\nANN@example.com\n")

    assert list(person.subscriptions.values_list("mailing_list", flat=True)) == [news.pk]
    assert not other_tenant.subscriptions.exists()
    assert Subscriber.objects.count() == 2


def test_people_may_be_known_by_a_phone_number_only(news, organization):
    known = SubscriberFactory(organization=organization, email="ann@example.com", phone="+4520000001")
    content = "phone,town\n20 00 00 01,Ulm\n20 00 00 02,Bonn\n+4520000002,Bonn\n"

    done = import_file(news, content, country_code="+45")
    again = import_file(news, content.replace("Bonn", "Köln"), country_code="+45")

    assert counts(done) == (2, 0, 1, 0)
    assert counts(again) == (0, 1, 2, 0)
    assert known.subscriptions.exists()
    assert Subscriber.objects.get(email=None).fields == {"town": "Köln"}


def test_tags_are_put_on_people_and_none_is_taken_away(news):
    import_file(news, "email,tags\nann@example.com,vip|press\nbob@example.com,\n")

    done = import_file(news, "email,tags\nann@example.com,vip\nbob@example.com,press;  new ;press\n")
    skipped = import_file(news, "email,tags\nann@example.com,new\ncat@example.com,new\n", on_conflict="skip")

    tags = {each.subscriber.email: {tag.tag.name for tag in each.tagged.all()} for each in Subscription.objects.all()}
    assert (counts(done), counts(skipped)) == ((0, 1, 1, 0), (1, 0, 1, 0))
    assert tags == {
        "ann@example.com": {"vip", "press"},
        "bob@example.com": {"press", "new"},
        "cat@example.com": {"new"},
    }
    assert SubscriberTag.objects.count() == 3


def test_only_what_is_missing_can_be_filled_in(news):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm", "size": "S"}, source="page")

    done = import_file(
        news,
        "email,phone,town,age,size\nann@example.com,+4520000001,Bonn,5,M\nann@example.com,+4520000002,,6,\n",
        on_conflict="fill",
    )

    row = Subscription.objects.select_related("subscriber").get()
    assert counts(done) == (0, 1, 1, 0)
    assert (row.subscriber.phone, row.subscriber.fields, row.fields) == (
        "+4520000001",
        {"town": "Ulm", "age": 5},
        {"size": "S"},
    )


def test_what_stands_in_a_value_comes_through_unchanged(news):
    odd = 'back\\slash \\N \\t "quoted" \u00fc\U0001f600 {}'
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("email", "town", "tags", "consent source"), ("a'b@example.com", odd, odd[:20], odd)])

    import_file(news, buffer.getvalue())

    row = Subscription.objects.select_related("subscriber").get()
    assert (row.subscriber.email, row.subscriber.fields, row.source) == ("a'b@example.com", {"town": odd}, odd)
    assert row.tagged.get().tag.name == odd[:20].strip()


def test_rows_that_repeat_an_address_are_taken_in_order_and_counted(news):
    done = import_file(news, "email,town\nann@example.com,Ulm\nANN@example.com,Bonn\nann@example.com,Bonn\n")

    assert counts(done) == (1, 1, 1, 0)
    assert done.repeated == 2
    assert Subscriber.objects.get().fields == {"town": "Bonn"}


def test_cells_beyond_the_last_column_may_be_empty(news):
    done = import_file(news, "email,town\nann@example.com,Ulm,,\n,,,\n")

    assert counts(done) == (1, 0, 0, 0)


def test_a_file_without_a_header_is_read_from_its_first_row(news):
    done = import_file(news, "ann@example.com\nbob@example.com\n")

    assert counts(done) == (2, 0, 0, 0)
