"""Pairs of a comparison, judged once and not in every run of the page."""

from collections.abc import Hashable, Mapping
from dataclasses import replace

import streamlit as st

from core.evaluation.comparison import Comparison, Contender, compare, never_seen
from core.services import Services
from pages.compare.asked import asked_about
from pages.compare.entrants import Entrant, asked_answers
from pages.widgets.remembered import remembered

Hashes = tuple[str, ...]

_LEADS, _PAIR, _TO_ASK = "compare.leads", "compare.pair", "compare.to_ask"
_MAX_LEADS = 200


def lead(better: Entrant, other: Entrant) -> Comparison:
    """By what one model is ahead of another, without the photos; both have a contender."""
    kept: dict[Hashable, Comparison] = st.session_state.setdefault(_LEADS, {})
    key = (other.stamp, better.stamp)
    if key not in kept:
        while len(kept) >= _MAX_LEADS:
            kept.pop(next(iter(kept)))
        kept[key] = replace(compare(_known(other), _known(better)), photos=())
    return kept[key]


def pair(first: Entrant, second: Entrant, services: Services) -> tuple[Comparison, tuple[Hashes, Hashes]]:
    """Two models photo by photo, with what both said on this page to photos that judge the other.

    Returns:
        The comparison; and for each of the two the photos that it has still to be asked about.
    """
    unseen = remembered(
        _TO_ASK,
        (first.stamp, second.stamp),
        lambda: (never_seen(_known(first), _known(second)), never_seen(_known(second), _known(first))),
    )
    asked = [
        None if entrant.run is None else asked_answers(entrant, truth, services)
        for entrant, truth in zip((first, second), unseen, strict=True)
    ]
    num_asked = tuple(0 if answers is None else len(answers) for answers in asked)

    def judge() -> Comparison:
        sides = [
            _known(entrant) if answers is None else _known(entrant).asked_later(answers)
            for entrant, answers in zip((first, second), asked, strict=True)
        ]
        return compare(sides[0], sides[1])

    comparison = remembered(_PAIR, (first.stamp, second.stamp, num_asked), judge)
    to_ask = [_to_ask(entrant, truth, services) for entrant, truth in zip((first, second), unseen, strict=True)]
    return comparison, (to_ask[0], to_ask[1])


def _to_ask(entrant: Entrant, truth: Mapping[str, int], services: Services) -> Hashes:
    if entrant.run is None or not entrant.fingerprint:
        return ()
    said = asked_about(entrant.fingerprint, services)
    return tuple(photo_hash for photo_hash in truth if photo_hash not in said)


def _known(entrant: Entrant) -> Contender:
    if entrant.contender is None:
        raise ValueError(f"What {entrant.title} said is not known.")
    return entrant.contender
