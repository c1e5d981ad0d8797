"""Training photos that look as if they were in the wrong class."""

import streamlit as st

from core.evaluation.examination import Suspect
from core.services import Services
from pages.results.cards import Card, Picture, emphasised, find_missing, hashes_of, render_card
from pages.results.corrections import Doubt, render_corrections, what_was_done
from pages.results.dataset_now import DatasetNow
from pages.results.material import Material
from pages.results.pager import render_pager
from pages.words.wording import count, percent, quoted

_PER_PAGE = 6
_PAGE, _WITH_ALL = "results.labels.page", "results.labels.with_all"


def render_labels(material: Material, now: DatasetNow | None, services: Services) -> None:
    """The doubtful photos, most doubtful first, with the same buttons as the mistakes."""
    if material.examination is None:
        st.caption("This is known once the model has been looked at closely.")
        return
    suspects = material.examination.suspects
    flagged = tuple(each for each in suspects if each.is_flagged)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.markdown(_introduction(len(flagged)), width="stretch")
        listed = flagged
        if len(suspects) > len(flagged):
            label = f"Also {len(suspects) - len(flagged):,} that are only a little doubtful"
            if st.toggle(label, key=_WITH_ALL, persist_state="session"):
                listed = suspects
        listed = listed[render_pager(len(listed), per_page=_PER_PAGE, key=_PAGE)]
    cards = [_card(suspect, material, now) for suspect in listed]
    missing = find_missing(hashes_of(cards), services)
    for suspect, card in zip(listed, cards, strict=True):
        with st.container(border=True, key=f"results-suspect-{suspect.photo_hash[:16]}-{suspect.class_index}"):
            render_card(card, material, missing)
            render_corrections(_doubt_of(suspect, material), now, services, key=f"suspect.{suspect.class_index}")


def _introduction(num_flagged: int) -> str:
    if not num_flagged:
        return ":material/verified: No training photo looks as if it were in the wrong class."
    return (
        f"**{count(num_flagged, 'training photo')}** look as if they were in the wrong class, the most doubtful first. "
        "Models that did not see a photo were asked about it (confident learning)."
        if num_flagged > 1
        else "**1 training photo** looks as if it were in the wrong class. Models that did not see it were asked about "
        "it (confident learning)."
    )


def open_suspects(material: Material, now: DatasetNow | None) -> list[Suspect]:
    """The flagged photos about which nobody has decided anything since the model was trained."""
    suspects = material.examination.suspects if material.examination else ()
    return [suspect for suspect in suspects if suspect.is_flagged and not _is_settled(suspect, material, now)]


def _is_settled(suspect: Suspect, material: Material, now: DatasetNow | None) -> bool:
    doubt = _doubt_of(suspect, material)
    image = None if now is None else now.find(doubt.photo_hash, doubt.class_name)
    return now is not None and image is not None and what_was_done(image, doubt, now) is not None


def _doubt_of(suspect: Suspect, material: Material) -> Doubt:
    names = material.class_names
    return Doubt(
        photo_hash=suspect.photo_hash,
        class_name=names[suspect.class_index],
        likely=(names[suspect.suggested_index],),
    )


def _card(suspect: Suspect, material: Material, now: DatasetNow | None) -> Card:
    names = material.class_names
    suggested = names[suspect.suggested_index]
    return Card(
        pictures=(
            Picture(photo_hash=suspect.photo_hash, caption="The photo"),
            Picture(
                photo_hash=suspect.photo_hash,
                caption=f"What speaks for {quoted(suggested)}",
                heat_of=suspect.suggested_index,
            ),
        ),
        said=emphasised("It is in {}, but looks like {}.", names[suspect.class_index], suggested),
        facts=(
            f"How well its class fits: {percent(suspect.quality)}.",
            *(() if now is None else (now.name(suspect.photo_hash),)),
        ),
    )
