import pytest
from django.template.loader import get_template

pytestmark = pytest.mark.django_db


def test_a_wrong_address_says_what_to_do(client, bob):
    client.force_login(bob)

    response = client.get("/admin/no-such-room/")

    assert response.status_code == 404
    assert b"There is nothing here" in response.content


def test_the_page_for_a_broken_server_needs_neither_a_request_nor_a_database():
    page = get_template("500.html").render()

    assert "Something went wrong" in page
