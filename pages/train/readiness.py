"""What there is to learn from, how long it will take, what speaks against it, and the button that begins."""

from collections.abc import Sequence

import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone, find_backbone
from core.backbones.hub_places import find_hub_module
from core.backbones.layers import LayerRow
from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.records import ClassView, DatasetView, Split
from core.datasets.tasks import CHECK_KIND
from core.errors import ConfigError
from core.evaluation.concerns import Concern, Contents, find_concerns
from core.recipes import RECIPES
from core.runs.begin import Obstacle, Place, Prospect, RunRequest, begin_runs, find_obstacle
from core.runs.draft import Draft, draft_values, make_config, num_layers_of, recipe_values
from core.services import Services
from pages.train.expected import render_expected
from pages.train.opened import open_run
from pages.train.suited import render_suited
from pages.widgets import links
from pages.widgets.errors import guarded, show_error
from pages.widgets.findings import open_findings
from pages.widgets.preparation import Availability, availability_of, render_preparation
from pages.widgets.prospects import find_dataset_prospect
from pages.widgets.remembered import remembered
from pages.widgets.setting_words import describe_change
from pages.words.wording import SPLIT_TITLES, count, plain, size_text

_POLL_SECONDS = 0.5
_MAX_CHANGES_SHOWN = 6
_MAX_CONCERNS_SHOWN = 4
_CONCERNS = "train.concerns"
# What a link to the place is called, and the section of the dataset page.
_PLACES = {
    Place.PHOTOS: ("Look at its photos", "Photos"),
    Place.SPLIT: ("Split the photos", "Split"),
    Place.CHECK: ("See what was found", "Check"),
    Place.COLLECT: ("Add photos", "Collect"),
}


def render_readiness(draft: Draft, dataset: DatasetView, layers: Sequence[LayerRow], services: Services) -> None:
    """Everything that a person wants to know before the start, and the button."""
    classes = services.library.classes.of(dataset.id)
    services.dataset_tasks.request_check_if_needed(dataset)
    prospect = find_dataset_prospect(dataset, services)
    default = services.settings.default_backbone
    backbone = draft.backbone_name(default)
    with st.container(border=True, key="train-readiness"):
        st.subheader("Before the start", anchor=False)
        _render_counts(prospect)
        values = draft_values(draft, default)
        obstacle = find_obstacle(dataset, classes, prospect)
        config = None
        try:
            if backbone.startswith(HUB_PREFIX):
                find_hub_module(backbone, services.settings)
            config = make_config(values, backbone, num_layers_of(backbone, layers))
        except ConfigError as exc:
            obstacle = obstacle or Obstacle(short="a setting cannot be used", text=str(exc))
        if config is not None and obstacle is None:
            render_expected(config, prospect, dataset, services)
        _render_changes(draft, services)
        if obstacle is not None:
            _render_obstacle(obstacle, dataset)
        elif config is None:
            _render_missing_layers(find_backbone(backbone), services)
        else:
            _render_preparing(backbone, services)
        render_suited(draft, values, services)
        _render_concerns(dataset, classes, prospect, services)
        _render_button(obstacle, None if config is None else _request(draft, dataset, config), services)


def _render_obstacle(obstacle: Obstacle, dataset: DatasetView) -> None:
    show_error(obstacle.text)
    if obstacle.place is not None:
        title, section = _PLACES[obstacle.place]
        links.render_link(
            links.dataset(dataset.id, section),
            title,
            icon=":material/arrow_forward:",
        )


def _render_button(obstacle: Obstacle | None, request: RunRequest | None, services: Services) -> None:
    """What is sure to come to nothing cannot be begun, and the button says why."""
    label, reason = "Train", None
    if obstacle is not None:
        label, reason = f"Cannot train: {plain(obstacle.short)}", plain(obstacle.text)
    elif request is None:
        reason = "Which layers are trained is known once the network is prepared."
    st.button(
        label,
        key="train.begin",
        type="primary",
        icon=":material/model_training:" if obstacle is None else ":material/block:",
        width="stretch",
        disabled=obstacle is not None or request is None,
        help=reason,
        on_click=guarded(_begin),
        args=(request, services),
    )


def _request(draft: Draft, dataset: DatasetView, config: TrainConfig) -> RunRequest:
    return RunRequest(dataset_id=dataset.id, config=config, recipe=draft.recipe, parent_id=draft.parent_id)


def _begin(request: RunRequest, services: Services) -> None:
    (view,) = begin_runs(services.database, services.run_desk, [request])
    open_run(view.id)


def _render_counts(prospect: Prospect) -> None:
    numbers = st.container(horizontal=True, gap="medium")
    explanations = {
        Split.TRAIN: "It learns from these.",
        Split.VALIDATION: "They decide when to stop and which epoch is best.",
        Split.TEST: "It is asked about them once, at the end.",
    }
    for split, explanation in explanations.items():
        title = SPLIT_TITLES[split].capitalize()
        numbers.metric(title, f"{prospect.num_photos(split):,}", width="content", help=explanation)
    if prospect.to_assign:
        st.caption(
            f"{count(len(prospect.to_assign), 'photo')} without a split will get one at the start; near-twins stay "
            "together, and it can be undone on the dataset page."
        )
    if prospect.num_unsure:
        st.caption(f"{count(prospect.num_unsure, 'photo')} marked as unsure will not be used.")


def _render_changes(draft: Draft, services: Services) -> None:
    """What differs from the recipe, in whichever view it was changed."""
    if not draft.changes:
        return
    default = services.settings.default_backbone
    values, own = draft_values(draft, default), recipe_values(RECIPES[draft.recipe], draft.backbone_name(default))
    # What was changed back to the recipe's own, though the photos ask for something else, is told below.
    parts = [describe_change(name, values[name]) for name in draft.changes if values[name] != own.get(name)]
    parts = [part for part in parts if part]
    more = f" and {len(parts) - _MAX_CHANGES_SHOWN} more" if len(parts) > _MAX_CHANGES_SHOWN else ""
    if not parts:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Not as in the recipe: {', '.join(parts[:_MAX_CHANGES_SHOWN])}{more}.", width="content")
        st.button("As in the recipe", type="tertiary", icon=":material/undo:", on_click=guarded(draft.changes.clear))


def _render_missing_layers(backbone: Backbone, services: Services) -> None:
    """This run is described in layers, which are known once the network is prepared."""
    st.info(
        f"Part of {backbone.title} itself will be adjusted. Which of its layers these are is known once it is "
        "prepared.",
        icon=":material/layers:",
    )
    st.fragment(_prepare, run_every=_POLL_SECONDS)(backbone, services)


def _prepare(backbone: Backbone, services: Services) -> None:
    render_preparation(backbone, services)
    if find_artefact(backbone, services.settings) is not None:
        st.rerun()  # the whole page: now the layers are known


def _render_preparing(backbone: str, services: Services) -> None:
    """What the run has to do before it can begin to learn."""
    if backbone == SCRATCH or backbone.startswith(HUB_PREFIX):
        return
    known = find_backbone(backbone)
    availability = availability_of(known, services)
    if availability is Availability.DOWNLOAD:
        st.info(
            f"{known.title} will be downloaded first ({size_text(known.weights_megabytes * 1e6)}).",
            icon=":material/cloud_download:",
        )
    elif availability is not Availability.READY:
        st.caption(f":material/info: {known.title} is used for the first time; it will be prepared at the start.")


def _render_concerns(
    dataset: DatasetView, classes: Sequence[ClassView], prospect: Prospect, services: Services
) -> None:
    """What may make the result wrong, or worse than it need be; each with the way to the remedy."""
    if services.dataset_tasks.is_active(CHECK_KIND, dataset.id):
        st.fragment(_await_check, run_every=_POLL_SECONDS)(dataset.id, services)
    findings = open_findings(dataset, services)

    def find() -> list[Concern]:
        images = services.library.images.of(dataset.id)
        return find_concerns(Contents(classes=classes, images=images, prospect=prospect, findings=findings))

    concerns = remembered(_CONCERNS, (dataset.id, dataset.revision, findings, prospect), find)
    for concern in concerns[:_MAX_CONCERNS_SHOWN]:
        _render_concern(concern, dataset)
    rest = concerns[_MAX_CONCERNS_SHOWN:]
    if rest:
        with st.expander(f"{len(rest)} more", icon=":material/warning:"):
            for concern in rest:
                _render_concern(concern, dataset)


def _await_check(dataset_id: int, services: Services) -> None:
    """Tell that the photos are still being looked at, and make the page anew once that is known."""
    if not services.dataset_tasks.is_active(CHECK_KIND, dataset_id):
        st.rerun()
    st.caption(":material/hourglass_top: The photos are still being checked; what is found will stand here.")


def _render_concern(concern: Concern, dataset: DatasetView) -> None:
    _, section = _PLACES[concern.place]
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(f":orange[:material/warning:] {plain(concern.text)}", width="stretch")
        links.render_link(
            links.dataset(dataset.id, section),
            section,
            icon=":material/arrow_forward:",
        )
