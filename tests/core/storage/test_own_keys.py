"""Whose something is that has arrived, by the name of its folder."""

import pytest

from core.storage.own_keys import new_key, owner_of_arrival, owner_of_key


@pytest.mark.parametrize(
    ("name", "space_id"),
    [
        (f"17-{'a' * 32}", 17),
        (f"import-17-{'a' * 32}", 17),
        (f".tmp-0123456789ab-17-{'a' * 32}", 17),
        ("a" * 32, 1),
        (f"import-{'a' * 32}", 1),
        ("import-17", None),
        (f"0-{'a' * 32}", None),
    ],
)
def test_whose_an_arrival_is(name: str, space_id: int | None) -> None:
    """The number of its space is in front; what is from before spaces is of home."""
    assert owner_of_arrival(name) == space_id


def test_a_new_key_says_its_space() -> None:
    """Also where the one who made it reaches everything: then it is of home."""
    assert [owner_of_key(new_key(space_id)) for space_id in (17, 1, None)] == [17, 1, 1]
    assert new_key(17) != new_key(17)
