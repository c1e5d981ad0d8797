"""What docs/promises.md says of hostile input is no more than there is."""

import re

from tests.conftest import PROJECT_DIR
from tests.hostile_input import count_hostile

_ROW = re.compile(r"^\| (?P<kind>[^|]+?) \| (?P<number>[\d,]+) \|", re.MULTILINE)


def test_the_page_of_promises_claims_no_more_than_is_tested():
    """Every kind is in its table, with a number that the tests reach."""
    text = (PROJECT_DIR / "docs" / "promises.md").read_text(encoding="utf-8")
    section = text[text.index("## Hostile input") :]
    claimed = {row["kind"]: int(row["number"].replace(",", "")) for row in _ROW.finditer(section)}
    counted = count_hostile()
    assert claimed.keys() == counted.keys()
    assert {kind: number for kind, number in claimed.items() if number > counted[kind]} == {}
