"""What tests of spaces share."""

import pytest


@pytest.fixture(autouse=True)
def _hashing_quickly(quick_hashes: None) -> None:
    """Classes are held by the dozen here."""
