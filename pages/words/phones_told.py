"""How many photos phones have sent into a dataset, and how long they may go on, in words."""

import math
from collections.abc import Sequence
from typing import Any

from core.phones.records import PhoneLinkView
from pages.words.wording import count

_MINUTE_SECONDS = 60


def tell_phones(links: Sequence[PhoneLinkView], *, now: float) -> dict[str, Any]:
    """What the line about phones says of each link.

    Args:
        links: that are living, into one dataset.
        now: Unix seconds.
    """
    return {"links": [{"class": link.class_name, "text": tell_link(link, now=now)} for link in links]}


def tell_link(link: PhoneLinkView, *, now: float) -> str:
    """How a link stands."""
    has = "has" if link.num_photos == 1 else "have"
    came = f"{count(link.num_photos, 'photo')} {has} come" if link.num_photos else "no photo has come yet"
    minutes = max(1, math.ceil((link.expires_at - now) / _MINUTE_SECONDS))
    return f"{came} · open for {count(minutes, 'minute')}"
