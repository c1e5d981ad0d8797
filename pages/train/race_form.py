"""Beginning a race: the same quick training on several networks, to see which suits the photos."""

import uuid

import streamlit as st

from core.backbones.catalog import find_backbone
from core.errors import RunError
from core.recipes import DEFAULT_RECIPE, RECIPES
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs, find_obstacle
from core.runs.draft import Draft
from core.runs.nature import suited
from core.services import Services
from pages.train.opened import open_race
from pages.widgets.errors import guarded
from pages.widgets.preparation import Availability, availabilities, describe_availability
from pages.widgets.prospects import find_dataset_prospect
from pages.words.wording import count, plain

_CHOSEN = "train.race.chosen"
_MIN_BACKBONES = 2
_PRESELECTED = (Availability.READY, Availability.BUNDLED)
_MAX_PRESELECTED = 6


def render_race_form(draft: Draft, services: Services) -> None:
    """A folded panel with the networks that take part."""
    with st.expander("Which network suits my photos? (backbone race)", icon=":material/flag:"):
        st.markdown(
            f"Trains the recipe *{RECIPES[DEFAULT_RECIPE].title}* on each of these networks, with the same photos, and "
            "ranks them by accuracy, speed and size."
        )
        choices = availabilities(services)
        order = sorted(choices, key=lambda name: list(Availability).index(choices[name]))
        at_first = [name for name in order if choices[name] in _PRESELECTED][:_MAX_PRESELECTED]
        st.session_state.setdefault(_CHOSEN, at_first)
        chosen = st.multiselect(
            "Networks that take part",
            order,
            key=_CHOSEN,
            format_func=lambda name: (
                f"{find_backbone(name).title} · {describe_availability(find_backbone(name), choices[name])}"
            ),
            persist_state="session",
        )
        reason = _reason_against(len(chosen), draft, services)
        st.button(
            f"Start the race of {count(len(chosen), 'network')}" if chosen else "Start the race",
            icon=":material/flag:",
            disabled=reason is not None,
            help=reason,
            on_click=guarded(_begin),
            args=(draft, tuple(chosen), services),
        )


def _reason_against(num_chosen: int, draft: Draft, services: Services) -> str | None:
    """Why no race can begin; Markdown. None: one can."""
    if draft.dataset_id is not None:
        dataset = services.library.datasets.get(draft.dataset_id)
        prospect = find_dataset_prospect(dataset, services)
        obstacle = find_obstacle(dataset, services.library.classes.of(dataset.id), prospect)
        if obstacle is not None:
            return plain(obstacle.text)
    return "At least two are needed." if num_chosen < _MIN_BACKBONES else None


def _begin(draft: Draft, backbones: tuple[str, ...], services: Services) -> None:
    if draft.dataset_id is None:
        raise RunError("No dataset is chosen. Choose one first.")
    race, recipe = uuid.uuid4().hex, RECIPES[DEFAULT_RECIPE]
    requests = [
        RunRequest(
            dataset_id=draft.dataset_id,
            config=suited(recipe.config(NO_SNAPSHOT, backbone=backbone), draft.nature),
            recipe=recipe.name,
            race=race,
        )
        for backbone in backbones
    ]
    begin_runs(services.database, services.run_desk, requests)
    open_race(race)
