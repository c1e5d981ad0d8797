"""What may be wrong with the photos: each finding says why it matters, shows them, and offers the remedy."""

import streamlit as st

from core.datasets.checks.findings import Finding, Remedy, RemedyKind, without_dismissed
from core.datasets.records import ClassView, DatasetView
from core.datasets.tasks import CHECK_KIND
from core.services import Services
from pages.widgets.dataset.no_photos import render_no_photos
from pages.widgets.dataset.selection import (
    grid_photos,
    render_selection_actions,
    selection_generation,
    trash_photos,
)
from pages.widgets.dataset.split import split_again
from pages.widgets.dataset.task_progress import render_task_progress
from pages.widgets.errors import guarded
from pages.widgets.photo_grid import photo_grid
from pages.widgets.wording import plain

_GROUPS_PER_PAGE = 6
_PHOTOS_PER_GROUP = 60
_GRID_PX = 112


def open_findings(dataset: DatasetView, services: Services) -> list[Finding]:
    """The findings of the latest check that wait for the person."""
    check = services.library.load_check(dataset.id)
    if check is None:
        return []
    findings = [Finding.from_json(values) for values in check[1]]
    return without_dismissed(findings, services.library.dismissed_findings(dataset.id))


def render_problems(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """The findings of the latest check, the most important first."""
    if not dataset.num_images:
        render_no_photos(dataset, services)
        return
    if services.dataset_tasks.is_active(CHECK_KIND, dataset.id):
        render_task_progress(CHECK_KIND, dataset.id, services)
        return  # the findings of the check before may be repaired by now
    findings = open_findings(dataset, services)
    if not findings:
        st.success("No problems found.", icon=":material/verified:")
        st.caption(
            "Looked for copies and near-copies, also between classes and across the split; for blurred, dark, bright, "
            "tiny, narrow and one-coloured photos; for too few photos, uneven classes and missing splits."
        )
    for number, finding in enumerate(findings):
        title = f"**{plain(finding.title)}**"
        expander = st.expander(
            title, expanded=number == 0, key=f"dataset.problems.open.{finding.kind}", on_change="rerun"
        )
        if expander.open:
            with expander:
                _render_finding(finding, dataset, classes, services)
    if services.library.dismissed_findings(dataset.id):
        st.button(
            "Show dismissed findings again",
            type="tertiary",
            icon=":material/visibility:",
            on_click=guarded(services.library.restore_findings),
            args=(dataset.id,),
        )


def _render_finding(finding: Finding, dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    st.markdown(plain(finding.why))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if finding.remedy is not None:
            st.button(
                finding.remedy.label,
                key=f"dataset.problems.remedy.{finding.kind}",
                icon=":material/auto_fix_high:",
                type="primary",
                on_click=guarded(_apply),
                args=(finding.remedy, dataset, services),
            )
        _render_dismissal("It is fine", finding.dismissal_keys, dataset, services)
    parts = finding.groups or ((finding.image_ids,) if finding.image_ids else ())
    first = _render_pager(finding, len(parts))
    for number in range(first, min(first + _GROUPS_PER_PAGE, len(parts))):
        # A single group needs no button of its own: that of the finding says the same.
        keys = finding.member_keys[number : number + 1] if len(finding.groups) > 1 else ()
        _render_photos(parts[number], keys, dataset, classes, services)
        if finding.choices:
            _render_choices(finding.choices[number], dataset, services)


def _render_pager(finding: Finding, num_groups: int) -> int:
    num_pages = -(-num_groups // _GROUPS_PER_PAGE)
    if num_pages <= 1:
        return 0
    page = st.number_input(
        f"Page, 1 to {num_pages}", 1, num_pages, key=f"dataset.problems.page.{finding.kind}", width=150
    )
    return (int(page) - 1) * _GROUPS_PER_PAGE


def _render_dismissal(label: str, keys: tuple[str, ...], dataset: DatasetView, services: Services) -> None:
    st.button(
        label,
        key=f"dataset.problems.dismiss.{keys[0]}.{len(keys)}",
        type="tertiary",
        icon=":material/check:",
        help="Do not show this again.",
        on_click=guarded(_dismiss),
        args=(dataset.id, keys, services),
    )


def _dismiss(dataset_id: int, keys: tuple[str, ...], services: Services) -> None:
    for key in keys:
        services.library.dismiss_finding(dataset_id, key)


def _render_choices(choices: tuple[Remedy, ...], dataset: DatasetView, services: Services) -> None:
    """One button for each thing that can be done about a group."""
    with st.container(horizontal=True, gap="small"):
        for number, remedy in enumerate(choices):
            st.button(
                plain(remedy.label),
                key=f"dataset.problems.choice.{remedy.image_ids}.{number}",
                on_click=guarded(_apply),
                args=(remedy, dataset, services),
            )


def _render_photos(
    image_ids: tuple[int, ...],
    keys: tuple[str, ...],
    dataset: DatasetView,
    classes: list[ClassView],
    services: Services,
) -> None:
    """A grid of photos that belong together, with what can be done to those that are selected."""
    images = [image for image in services.library.get_images(image_ids[:_PHOTOS_PER_GROUP]) if not image.trashed_at]
    if not images:
        return
    selected = photo_grid(
        grid_photos(images, classes),
        size_px=_GRID_PX,
        key=f"dataset.problems.grid.{image_ids[0]}.{len(image_ids)}",
        generation=selection_generation(),
        label="Photos of this finding",
        on_delete=trash_photos(services),
    )
    if len(image_ids) > _PHOTOS_PER_GROUP:
        st.caption(f"and {len(image_ids) - _PHOTOS_PER_GROUP:,} more")
    if selected:
        render_selection_actions(list(selected), classes, services, key=str(image_ids[0]))
    elif keys:
        _render_dismissal("These are fine", keys, dataset, services)


def _apply(remedy: Remedy, dataset: DatasetView, services: Services) -> None:
    library = services.library
    match remedy.kind:
        case RemedyKind.TRASH_IMAGES | RemedyKind.KEEP_ONE:
            operations = [library.trash_images(remedy.image_ids)]
        case RemedyKind.MOVE_TOGETHER:
            operations = [library.set_split(image_ids, split) for split, image_ids in remedy.moves]
        case RemedyKind.SPLIT_AGAIN:
            operations = [split_again(dataset, services)]
    for operation in operations:
        st.toast(plain(operation.summary), icon=":material/check:")
