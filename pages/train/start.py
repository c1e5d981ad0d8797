"""The form for a new run: dataset, recipe, network, and everything else for those who want it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.backbones.catalog import Backbone, find_backbone
from core.backbones.layers import LayerRow
from core.config import HUB_PREFIX, SCRATCH
from core.datasets.records import DatasetView
from core.errors import UnknownDatasetError
from core.recipes import DEFAULT_RECIPE, RECIPES, Recipe
from core.runs.draft import Draft, draft_of, recipe_values
from core.runs.nature import NOTHING_KNOWN, Nature
from core.services import Services
from pages.train.expert import render_expert
from pages.train.layers import layers_of
from pages.train.opened import close
from pages.train.race_form import render_race_form
from pages.train.readiness import render_readiness
from pages.train.sweep_form import render_sweep_form
from pages.train.walk_through import render_published
from pages.widgets import links
from pages.widgets.address import last_dataset
from pages.widgets.errors import guarded
from pages.widgets.preparation import Availability, availabilities, describe_availability
from pages.widgets.prospects import find_nature
from pages.widgets.space_use import render_space_use
from pages.words.wording import count, plain

_DRAFT = "train.draft"
_DATASET = "train.start.dataset"
_RECIPE, _WALK_THROUGH = "train.start.recipe", "train.start.walk_through"
_BACKBONE, _HUB, _VIEW = "train.start.backbone", "train.start.hub", "train.start.view"
_SIMPLE, _EXPERT = "Simple", "Expert"

_OWN = [recipe.name for recipe in RECIPES.values() if recipe.source is None]
_WALK_THROUGHS = [recipe.name for recipe in RECIPES.values() if recipe.source is not None]


def current_draft() -> Draft:
    """The form of this visitor."""
    return st.session_state.setdefault(_DRAFT, Draft())


def begin_again(
    run_id: int, services: Services, *, is_fine_tuned: bool = False, changes: Mapping[str, Any] | None = None
) -> None:
    """Show the form, filled in like a run.

    Args:
        run_id: the run.
        services: the open services.
        is_fine_tuned: whether its network is to be adjusted as well.
        changes: settings that are to be others, by name.

    Raises:
        UnknownRunError: no such run.
        ConfigError: another version of Bluetit wrote its config.
    """
    view = services.runs.get_run(run_id)
    default = services.settings.default_backbone
    nature = _nature_of(view.dataset_id, services)
    draft = draft_of(view, default, nature=nature, is_fine_tuned=is_fine_tuned)
    standards = recipe_values(RECIPES[draft.recipe], draft.backbone_name(default), nature)
    for name, value in (changes or {}).items():
        draft.change(name, value, standards.get(name))
    st.session_state[_DRAFT] = draft
    close()


def begin_with(backbone: Backbone, services: Services) -> None:
    """Have the form on top of this network; a walk-through, which has one of its own, gives way to the usual recipe."""
    draft = current_draft()
    if RECIPES[draft.recipe].source is not None:
        draft.choose_recipe(DEFAULT_RECIPE)
    draft.choose_backbone(backbone.name, RECIPES[draft.recipe].backbone or services.settings.default_backbone)


def _nature_of(dataset_id: int | None, services: Services) -> Nature:
    try:
        return NOTHING_KNOWN if dataset_id is None else find_nature(services.library.datasets.get(dataset_id), services)
    except UnknownDatasetError:
        return NOTHING_KNOWN  # deleted for good meanwhile; another dataset will be chosen


def render_start(services: Services) -> None:
    """The form, with what would come of it beside."""
    st.title("Train a network on your photos", anchor=False)
    datasets = {dataset.id: dataset for dataset in services.library.datasets.all() if dataset.num_images}
    if not datasets:
        _render_no_dataset()
        return
    draft = current_draft()
    if draft.dataset_id not in datasets:
        last = last_dataset()
        draft.dataset_id = last if last in datasets else next(iter(datasets))
    draft.nature = find_nature(datasets[draft.dataset_id], services)
    if draft.parent_id is not None:
        _render_parent(draft)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _render_dataset(draft, datasets)
        _render_view(draft)
        _render_recipe(draft, services)
        layers = _render_backbone(draft, services)
        if draft.is_expert:
            render_expert(draft, datasets[draft.dataset_id], layers, services)
            render_sweep_form(draft, datasets[draft.dataset_id], layers, services)
        render_race_form(draft, services)
    with right:
        render_readiness(draft, datasets[draft.dataset_id], layers, services)
        render_space_use(services)


def _render_no_dataset() -> None:
    st.info(
        "There are no photos to learn from yet. Collect some in named classes first: a dataset.",
        icon=":material/photo_library:",
    )
    links.render_link(links.datasets(), "Make a dataset", icon=":material/add:", look="primary")


def _render_parent(draft: Draft) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/history: Filled in like **{plain(draft.parent_name)}**.", width="content")
        st.button(
            "Empty the form",
            type="tertiary",
            icon=":material/restart_alt:",
            on_click=guarded(st.session_state.pop),
            args=(_DRAFT,),
        )


def _render_dataset(draft: Draft, datasets: dict[int, DatasetView]) -> None:
    def choose() -> None:
        draft.dataset_id = st.session_state[_DATASET]

    st.session_state[_DATASET] = draft.dataset_id
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Dataset",
            list(datasets),
            key=_DATASET,
            format_func=lambda dataset_id: _describe_dataset(datasets[dataset_id]),
            on_change=guarded(choose),
        )
        links.render_link(
            links.dataset(draft.dataset_id or 0, "Photos"),
            "Its photos",
            icon=":material/photo_library:",
        )


def _describe_dataset(dataset: DatasetView) -> str:
    classes = count(dataset.num_classes, "class", "classes")
    return f"{dataset.name} · {classes} · {count(dataset.num_images, 'photo')}"


def _render_view(draft: Draft) -> None:
    def choose() -> None:
        draft.is_expert = st.session_state[_VIEW] == _EXPERT

    st.session_state[_VIEW] = _EXPERT if draft.is_expert else _SIMPLE
    st.segmented_control(
        "How much to decide",
        [_SIMPLE, _EXPERT],
        key=_VIEW,
        required=True,
        on_change=guarded(choose),
        help="The simple view asks for a recipe and a network. The expert view shows every setting.",
    )


def _render_recipe(draft: Draft, services: Services) -> None:
    """Two lists of which one choice in all is made."""
    is_own = draft.recipe in _OWN
    st.session_state[_RECIPE] = draft.recipe if is_own else None
    st.session_state[_WALK_THROUGH] = None if is_own else draft.recipe
    st.radio(
        "Recipe",
        _OWN,
        index=None,
        key=_RECIPE,
        format_func=lambda name: f"**{RECIPES[name].title}**",
        captions=[RECIPES[name].summary for name in _OWN],
        on_change=guarded(lambda: draft.choose_recipe(st.session_state[_RECIPE])),
    )
    with st.expander("Repeat a published walk-through", icon=":material/menu_book:", expanded=not is_own):
        st.radio(
            "Walk-through",
            _WALK_THROUGHS,
            index=None,
            key=_WALK_THROUGH,
            format_func=lambda name: f"**{RECIPES[name].title}**",
            captions=[_describe_walk_through(RECIPES[name]) for name in _WALK_THROUGHS],
            on_change=guarded(lambda: draft.choose_recipe(st.session_state[_WALK_THROUGH])),
            label_visibility="collapsed",
        )
        if not is_own:
            render_published(RECIPES[draft.recipe], draft.dataset_id, services)


def _describe_walk_through(recipe: Recipe) -> str:
    if recipe.source is None:
        return recipe.summary
    return f"{recipe.summary} [{plain(recipe.source.title)}]({recipe.source.url})"


def _render_backbone(draft: Draft, services: Services) -> tuple[LayerRow, ...]:
    """The box of networks; returns the layers of the chosen one, none where they are not known yet."""
    default = services.settings.default_backbone
    name = draft.backbone_name(default)
    if name == SCRATCH:
        st.caption(
            ":material/info: This recipe begins with an empty network of its own (four pairs of convolution and "
            "pooling), so there is no network to choose."
        )
        return ()
    standard = RECIPES[draft.recipe].backbone or default
    choices = availabilities(services)
    order = sorted(choices, key=lambda each: list(Availability).index(choices[each]))
    order += [each for each in dict.fromkeys((standard, name)) if each not in choices]
    st.session_state[_BACKBONE] = name
    st.selectbox(
        "Network (backbone)",
        order,
        key=_BACKBONE,
        format_func=lambda each: _describe_backbone(each, choices),
        on_change=guarded(lambda: draft.choose_backbone(st.session_state[_BACKBONE], standard)),
        help="The ready-made network to start from: it has learned to see from a million photos or more. Smaller ones "
        "are faster, larger ones are right more often.",
    )
    if draft.is_expert and services.settings.allow_hub:
        _render_hub(draft, name, standard)
    return layers_of(name, services)


def _describe_backbone(name: str, choices: Mapping[str, Availability]) -> str:
    if name.startswith(HUB_PREFIX):
        return f"TensorFlow Hub · {name.removeprefix(HUB_PREFIX)}"
    backbone = find_backbone(name)
    return f"{backbone.title} · {describe_availability(backbone, choices[name])}"


def _render_hub(draft: Draft, name: str, standard: str) -> None:
    def choose() -> None:
        handle = st.session_state[_HUB].strip()
        if handle:
            draft.choose_backbone(f"{HUB_PREFIX}{handle}", standard)
        elif name.startswith(HUB_PREFIX):
            draft.choose_backbone(standard, standard)

    st.session_state[_HUB] = name.removeprefix(HUB_PREFIX) if name.startswith(HUB_PREFIX) else ""
    st.text_input(
        "Or one from TensorFlow Hub",
        key=_HUB,
        on_change=guarded(choose),
        placeholder="https://tfhub.dev/google/… or a folder of this computer",
        help="The address (handle) of a TF2 feature vector, or the folder of one that was downloaded.",
    )
