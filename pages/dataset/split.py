"""Dividing the photos into train, validation and test, with what a careless split would have leaked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from core.datasets.checks.findings import FindingKind
from core.datasets.checks.together import Neighbours, find_kinship
from core.datasets.records import ClassView, DatasetView, OperationView, Split
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import groups_of, items_of
from core.datasets.split.leaks import LeakReport, count_leaks, naive_leak
from core.datasets.split.ledger import SplitResult
from core.datasets.split.splitting import split_items
from core.datasets.tasks import CHECK_KIND
from core.errors import DatasetError
from core.services import Services
from pages.dataset.no_photos import render_no_photos
from pages.widgets.errors import guarded
from pages.widgets.remembered import remembered
from pages.words.wording import SPLIT_TITLES, count, percent, plain, whole_percent

_CONFIG = "dataset.split.config"
_PLAN = "dataset.split.plan"
_WORTH_TELLING = 0.5  # photos
_NEIGHBOURS = {
    Neighbours.WHERE_ALIKE: "where most photos look alike",
    Neighbours.ALWAYS: "always",
    Neighbours.NEVER: "never",
}
_UNCHANGED = "Nothing to change: every photo keeps its split"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a split would do, and why it should be one with care."""

    result: SplitResult
    num_moved: int  # photos whose split it changes
    num_leaked_now: int  # validation and test photos with a near-twin in train
    num_leaked_then: int  # the same once it is done: splits that are kept may leak
    naive_leak: LeakReport
    num_alike: int  # photos of fixed cameras, where nobody can tell near-twins
    is_checked: bool  # whether near-twins have been looked for as they are now, with the network that confirms them


def render_split(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """Sliders, a preview of what would come out, and the button that does it."""
    st.markdown(
        "The network learns from **train**, **validation** decides when to stop, and **test** is asked once at the "
        "end: only photos it has never seen tell the truth."
    )
    if not dataset.num_images:
        render_no_photos(dataset, services)
        return
    config = _render_sliders()
    if config is None:
        return
    st.session_state[_CONFIG] = config
    check = services.dataset_tasks.latest(CHECK_KIND, dataset.id)  # which finds the near-duplicates
    dismissed = services.library.checks.dismissed(dataset.id)  # which binds nothing any more
    key = (dataset.id, dataset.revision, check, dismissed, config)
    plan = remembered(_PLAN, key, lambda: _plan(dataset, config, services))
    st.button(
        "Split the photos",
        type="primary",
        icon=":material/call_split:",
        on_click=guarded(_apply),
        args=(dataset, plan.result, services),
        disabled=not plan.num_moved,
    )
    if not plan.num_moved:
        st.caption(
            "Every photo has its split already. To divide them anew, let go of the splits that are kept (above), or "
            "choose other shares."
        )
    _render_outcome(plan.result, classes, config)
    _render_leaks(plan)


def _render_sliders() -> SplitConfig | None:
    left, right = st.columns(2, gap="large")
    with left:
        validation_percent = _share_slider("Validation")
        test_percent = _share_slider("Test")
        train_percent = 100 - validation_percent - test_percent
        st.caption(f"The remaining {train_percent} % are for train.")
    with right:
        keep_imported = st.toggle(
            "Keep splits that came with the photos", value=True, key="dataset.split.imported", persist_state="session"
        )
        keep_by_hand = st.toggle(
            "Keep splits set by hand", value=True, key="dataset.split.by_hand", persist_state="session"
        )
        seed = st.number_input(
            "Shuffle (seed)",
            0,
            1_000_000,
            0,
            key="dataset.split.seed",
            width=160,
            help="The same number gives the same split.",
            persist_state="session",
        )
    neighbours = st.selectbox(
        "Photos that follow each other stay together",
        list(Neighbours),
        format_func=_NEIGHBOURS.__getitem__,
        key="dataset.split.neighbours",
        persist_state="session",
        width=320,
        help="In blocks, by the numbers in their names or as they came: frames of a film, or photos of a fixed camera, "
        "are most like those before and after them.",
    )
    if train_percent == 0:
        st.warning("Without train photos there is nothing to learn from.", icon=":material/warning:")
        return None
    return SplitConfig(
        train=train_percent / 100,
        validation=validation_percent / 100,
        test=test_percent / 100,
        seed=int(seed),
        keep_imported=keep_imported,
        keep_by_hand=keep_by_hand,
        neighbours=neighbours,
    )


def _share_slider(label: str) -> int:
    key = f"dataset.split.{label.lower()}"
    return st.slider(label, 0, 50, 15, step=5, format="%d %%", key=key, persist_state="session")


def _apply(dataset: DatasetView, result: SplitResult, services: Services) -> None:
    operation = services.library.images.assign_splits(dataset.id, result.to_assign)
    st.toast(_UNCHANGED if operation is None else plain(operation.summary), icon=":material/check:")


def split_again(dataset: DatasetView, services: Services, *, lets_go: bool = False) -> OperationView:
    """Split with the fractions last chosen on this page, or the default ones, keeping groups on one side.

    Args:
        dataset: the dataset.
        services: of the app.
        lets_go: whether photos may leave the split that they came with, or that somebody put them into.

    Raises:
        DatasetError: that changes nothing, so whatever it was to remedy stays.
    """
    config = st.session_state.get(_CONFIG, SplitConfig(keep_imported=False, keep_by_hand=False))
    if lets_go:
        config = replace(config, keep_imported=False, keep_by_hand=False)
    operation = services.library.images.assign_splits(dataset.id, _plan(dataset, config, services).result.to_assign)
    if operation is None:
        raise DatasetError(f"{_UNCHANGED}. Choose other shares under Split, or let go of splits that are kept there.")
    return operation


def _plan(dataset: DatasetView, config: SplitConfig, services: Services) -> _Plan:
    library = services.library
    images = library.images.of(dataset.id)
    likeness = library.checks.likeness(dataset.id, {image.photo_hash for image in images})
    result = split_items(items_of(images, groups_of(images, likeness, config.neighbours), config), config)
    # Photos that follow each other are no near-twins: parting them is no leak.
    twins = items_of(images, groups_of(images, likeness), config)
    present = {image.id: image.split for image in images}
    planned = present | result.to_assign
    check = library.checks.load(dataset.id)
    return _Plan(
        result=result,
        num_moved=sum(planned[image.id] != image.split for image in images),
        num_leaked_now=count_leaks(twins, present),
        num_leaked_then=count_leaks(twins, planned),
        naive_leak=naive_leak(twins, config),
        num_alike=sum(map(len, find_kinship(images, likeness).scenes)),
        is_checked=check is not None
        and check[0] == dataset.revision
        and not any(finding["kind"] == FindingKind.ROUGH_SEARCH for finding in check[1]),
    )


def _render_outcome(result: SplitResult, classes: list[ClassView], config: SplitConfig) -> None:
    rows = []
    for view in classes:
        if view.id in result.class_counts:
            rows.append({"class": view.name, **_cells(result.fractions(view.id))})
    rows.append({"class": "asked for", **_cells({split: config.fraction(split) for split in Split})})
    st.dataframe(rows, hide_index=True)
    st.caption(f"Every share is within {whole_percent(result.deviation)} of what was asked for.")


def _cells(shares: Mapping[Split, float]) -> dict[str, str]:
    return {SPLIT_TITLES[split]: whole_percent(shares.get(split, 0.0)) for split in Split}


def _render_leaks(plan: _Plan) -> None:
    """What leaks now, and what a split without care would leak."""
    num_leaked, leak = plan.num_leaked_now, plan.naive_leak
    if num_leaked:
        st.warning(
            f"{count(num_leaked, 'validation or test photo')} now {'has' if num_leaked == 1 else 'have'} a "
            "near-twin in train: the network would seem better than it is. Splitting anew, without keeping the splits "
            "that came with the photos, puts near-twins on one side.",
            icon=":material/content_copy:",
        )
    if not plan.is_checked:
        st.caption(
            ":material/hourglass_top: Near-twins have not all been looked for yet: the check is still to be done."
        )
    if plan.num_alike:
        st.caption(
            f":material/videocam: {count(plan.num_alike, 'photo')} look alike, as those of a fixed camera or a set of "
            "drawings do. Nobody can tell near-twins among them: the accuracy holds for this camera and background."
        )
    if leak.num_leaked < _WORTH_TELLING:
        if plan.is_checked and not plan.num_alike:
            st.caption(
                ":material/verified: No near-duplicates, bursts or renderings of one photo were found: a plain random "
                "split would be honest here."
            )
        return
    st.caption(
        f":material/content_copy: A plain random split would put near-twins of about {leak.num_leaked:.0f} of "
        f"{leak.num_held_out:.0f} validation and test photos ({percent(leak.share)}) into train. "
        + (
            f"This one leaves {plan.num_leaked_then:,}, because it keeps splits that are there."
            if plan.num_leaked_then
            else "This one keeps near-duplicates, bursts and renderings of one photo on one side."
        )
    )
