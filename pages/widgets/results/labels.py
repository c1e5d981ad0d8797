"""Training photos that look as if they were in the wrong class."""

import streamlit as st

from core.datasets.records import Review
from core.evaluation.examination import Suspect
from core.services import Services
from pages.widgets.results.cards import Card, Picture, emphasised, find_missing, hashes_of, render_card
from pages.widgets.results.corrections import Doubt, render_corrections
from pages.widgets.results.dataset_now import DatasetNow
from pages.widgets.results.material import Material
from pages.widgets.results.pager import render_pager
from pages.widgets.wording import count, percent

_PER_PAGE = 6
_PAGE, _WITH_ALL = "results.labels.page", "results.labels.with_all"


def render_labels(material: Material, now: DatasetNow | None, services: Services) -> None:
    """The doubtful photos, most doubtful first, with the same buttons as the mistakes."""
    if material.examination is None:
        st.caption("This is known once the model has been looked at closely.")
        return
    suspects = [each for each in material.examination.suspects if not _is_settled(each, material, now)]
    flagged = [each for each in suspects if each.is_flagged]
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
            names = material.class_names
            doubt = Doubt(
                photo_hash=suspect.photo_hash,
                class_name=names[suspect.class_index],
                likely=(names[suspect.suggested_index],),
            )
            render_corrections(doubt, now, services, key=f"suspect.{suspect.class_index}")


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


def _is_settled(suspect: Suspect, material: Material, now: DatasetNow | None) -> bool:
    """Whether a person said earlier that its class is right."""
    image = None if now is None else now.find(suspect.photo_hash, material.class_names[suspect.class_index])
    return image is not None and image.review is Review.RIGHT and image.trashed_at is None and not suspect.is_flagged


def _card(suspect: Suspect, material: Material, now: DatasetNow | None) -> Card:
    names = material.class_names
    suggested = names[suspect.suggested_index]
    return Card(
        pictures=(
            Picture(photo_hash=suspect.photo_hash, caption="The photo"),
            Picture(
                photo_hash=suspect.photo_hash, caption=f"What speaks for {suggested}", heat_of=suspect.suggested_index
            ),
        ),
        said=emphasised("It is in {}, but looks like {}.", names[suspect.class_index], suggested),
        facts=(
            f"How well its class fits: {percent(suspect.quality)}.",
            *(() if now is None else (now.name(suspect.photo_hash),)),
        ),
    )
