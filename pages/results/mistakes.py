"""Where it is wrong, the most confident answers first: what it said, why, and the photos that it learned that from."""

import numpy as np
import streamlit as st

from core.evaluation.examination import Examination
from core.inference.temperature import calibrated
from core.services import Services
from pages.results.cards import Card, Picture, emphasised, find_missing, hashes_of, render_card
from pages.results.corrections import Doubt, render_corrections
from pages.results.dataset_now import DatasetNow
from pages.results.material import Judged, Material
from pages.results.pager import render_pager
from pages.words.wording import count, percent, quoted

_PER_PAGE = 6
_PAGE = "results.mistakes.page"
_MAX_NEAR = 5


def render_mistakes(material: Material, now: DatasetNow | None, services: Services) -> None:
    """The wrong answers of the split that is looked at."""
    judged = material.judged
    if judged is None:
        return
    if not len(judged.mistakes):
        st.success("It was right on every photo.", icon=":material/verified:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.markdown(
            f"**{count(len(judged.mistakes), 'wrong answer')}**, the most confident first. Is the photo in the wrong "
            "class, or is the model wrong? Putting the photos right is often what helps most.",
            width="stretch",
        )
        shown = judged.mistakes[render_pager(len(judged.mistakes), per_page=_PER_PAGE, key=_PAGE)]
    cards = [make_card(judged, int(place), material, now) for place in shown]
    missing = find_missing(hashes_of(cards), services)
    for place, card in zip(shown, cards, strict=True):
        with st.container(border=True, key=f"results-mistake-{place}"):
            render_card(card, material, missing)
            render_corrections(doubt_of(judged, int(place), material), now, services, key=f"mistake.{place}")


def doubt_of(judged: Judged, place: int, material: Material) -> Doubt:
    """The photo at a place, with the classes that the model would rather put it in."""
    names = material.class_names
    order = np.argsort(-judged.answers.probabilities[place], kind="stable")
    return Doubt(
        photo_hash=judged.answers.hashes[place],
        class_name=names[judged.answers.class_indices[place]],
        likely=tuple(names[index] for index in order),
    )


def make_card(judged: Judged, place: int, material: Material, now: DatasetNow | None) -> Card:
    """What is told of the answer at a place."""
    answers, names = judged.answers, material.class_names
    photo_hash = answers.hashes[place]
    true, said = int(answers.class_indices[place]), int(answers.predicted[place])
    probabilities = calibrated(answers.probabilities[place], judged.temperature)
    pictures = (
        Picture(photo_hash=photo_hash, caption="The photo"),
        Picture(photo_hash=photo_hash, caption=f"Why {quoted(names[said])}", heat_of=said),
    )
    return Card(
        pictures=pictures,
        said=emphasised(f"It said {{}}, {percent(probabilities[said])} sure. It is {{}}.", names[said], names[true]),
        facts=(
            f"For {quoted(names[true])} it left {percent(probabilities[true])}.",
            *(() if now is None else (now.name(photo_hash),)),
        ),
        near_title="What it learned from that looks most alike",
        near=nearest(photo_hash, material.examination, names),
    )


def nearest(photo_hash: str, examination: Examination | None, class_names: tuple[str, ...]) -> tuple[Picture, ...]:
    """The training photos nearest to a photo, as far as they are known."""
    found = () if examination is None else examination.neighbours.get(photo_hash, ())
    return tuple(
        Picture(photo_hash=neighbour.photo_hash, caption=quoted(class_names[neighbour.class_index]))
        for neighbour in found[:_MAX_NEAR]
    )
