"""Secrets that have to be read again are encrypted, and keys can be changed."""

import pytest

from accounts.sealing import CannotOpen, open_sealed, seal


def test_what_is_sealed_can_be_opened_and_does_not_show():
    sealed = seal("a secret with ü")

    assert open_sealed(sealed) == "a secret with ü"
    assert "secret" not in sealed
    assert seal("a secret with ü") != sealed


def test_a_new_key_in_front_seals_and_the_old_one_still_opens(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    old = seal("x")
    settings.ENCRYPTION_KEYS = ["new", "old"]
    new = seal("y")
    assert open_sealed(old) == "x"

    settings.ENCRYPTION_KEYS = ["new"]
    assert open_sealed(new) == "y"
    with pytest.raises(CannotOpen):
        open_sealed(old)


@pytest.mark.parametrize("changed", ["", "nonsense", "ü"])
def test_what_was_changed_does_not_open(changed):
    with pytest.raises(CannotOpen):
        open_sealed(changed)
    with pytest.raises(CannotOpen):
        open_sealed(seal("x")[:-4] + "AAA=")
