"""What there is to learn from, how long it will take, what speaks against it, and the button that begins."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone, find_backbone
from core.backbones.layers import LayerRow
from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.checks.findings import FindingKind
from core.datasets.records import ClassView, DatasetView, Split
from core.errors import ConfigError, DatasetError
from core.runs.begin import Prospect, RunRequest, begin_runs, check_can_begin
from core.services import Services
from pages.widgets.dataset.chooser import dataset_address
from pages.widgets.dataset.overview import SPLIT_TITLES
from pages.widgets.dataset.problems import open_findings
from pages.widgets.errors import guarded, show_error
from pages.widgets.links import render_link
from pages.widgets.preparation import Availability, availability_of, render_preparation
from pages.widgets.train.draft import Draft, draft_values, make_config, num_layers_of
from pages.widgets.train.expected import render_expected
from pages.widgets.train.opened import open_run
from pages.widgets.train.prospects import find_dataset_prospect
from pages.widgets.train.settings import describe_change
from pages.widgets.wording import count, plain

_POLL_SECONDS = 0.5
_WARNED_ABOUT = (FindingKind.FEW_PHOTOS, FindingKind.IMBALANCE)
_MAX_CHANGES_SHOWN = 6


def render_readiness(draft: Draft, dataset: DatasetView, layers: Sequence[LayerRow], services: Services) -> None:
    """Everything that a person wants to know before the start, and the button."""
    classes = services.library.list_classes(dataset.id)
    services.dataset_tasks.request_check_if_needed(dataset)
    prospect = find_dataset_prospect(dataset, services)
    default = services.settings.default_backbone
    backbone = draft.backbone_name(default)
    with st.container(border=True, key="train-readiness"):
        st.subheader("Before the start", anchor=False)
        _render_counts(prospect)
        reason = _refusal(lambda: check_can_begin(dataset, classes, prospect))
        config = None
        try:
            config = make_config(draft_values(draft, default), backbone, num_layers_of(backbone, layers))
        except ConfigError as exc:
            reason = reason or str(exc)
        if config is not None and reason is None:
            render_expected(config, prospect, dataset, services)
        _render_changes(draft, services)
        if reason is not None:
            show_error(reason)
        elif config is None:
            _render_missing_layers(find_backbone(backbone), services)
        else:
            _render_preparing(backbone, services)
        request = None if config is None or reason is not None else _request(draft, dataset, config)
        st.button(
            "Train",
            type="primary",
            icon=":material/model_training:",
            width="stretch",
            disabled=request is None,
            on_click=guarded(_begin),
            args=(request, services),
        )
        _render_warnings(dataset, classes, prospect, services)


def _refusal(check: Callable[[], None]) -> str | None:
    try:
        check()
    except DatasetError as exc:
        return str(exc)
    return None


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
    values = draft_values(draft, services.settings.default_backbone)
    parts = [describe_change(name, values[name]) for name in draft.changes]
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
            f"{known.title} will be downloaded first ({known.weights_megabytes:,.0f} MB).",
            icon=":material/cloud_download:",
        )
    elif availability is not Availability.READY:
        st.caption(f":material/info: {known.title} is used for the first time; it will be prepared at the start.")


def _render_warnings(
    dataset: DatasetView, classes: Sequence[ClassView], prospect: Prospect, services: Services
) -> None:
    """What may make the result worse, or look better, than it is; each with the way to the remedy."""
    names = {view.id: view.name for view in classes}
    for split, words in (
        (Split.TRAIN, "cannot be learned"),
        (Split.VALIDATION, "counts neither as right nor as wrong while training"),
    ):
        without = [names[each] for each, counts in prospect.class_counts.items() if not counts[split]]
        if without and prospect.num_photos(split):
            listed = ", ".join(without)
            _warn(f"No photo for {SPLIT_TITLES[split]}: {listed}. Such a class {words}.", "Split", dataset)
    if not prospect.num_photos(Split.VALIDATION):
        _warn("No validation photos: nobody can tell which epoch is best, so the last one is kept.", "Split", dataset)
    if not prospect.num_photos(Split.TEST):
        _warn(
            "No test photos: the accuracy will be that of the validation photos, a little too good.", "Split", dataset
        )
    if prospect.num_leaks:
        twins = count(prospect.num_leaks, "validation or test photo")
        verb = "looks" if prospect.num_leaks == 1 else "look"
        _warn(f"{twins} {verb} nearly like one for training: the result will seem better than it is.", "Check", dataset)
    for finding in open_findings(dataset, services):
        if finding.kind in _WARNED_ABOUT:
            _warn(finding.title, "Check", dataset)


def _warn(text: str, section: str, dataset: DatasetView) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(f":orange[:material/warning:] {plain(text)}", width="stretch")
        render_link(
            "pages/dataset.py",
            section,
            icon=":material/arrow_forward:",
            address=dataset_address(dataset.id, section),
        )
