"""What may be wrong with the photos: each finding says why it matters, shows them, and offers the remedy."""

from collections import Counter

import streamlit as st

from core.datasets.checks.findings import Finding, FindingKind, Remedy, RemedyKind
from core.datasets.checks.photo_checks import photo_checks, words_of
from core.datasets.records import ClassView, DatasetView
from core.datasets.tasks import CHECK_KIND
from core.errors import DatasetError
from core.services import Services
from pages.dataset.no_photos import render_no_photos
from pages.dataset.split import split_again
from pages.dataset.task_progress import render_task_progress
from pages.widgets.errors import guarded
from pages.widgets.findings import open_findings
from pages.widgets.photo_grid import photo_grid
from pages.widgets.selection import (
    grid_photos,
    render_selection_actions,
    selection_generation,
    trash_photos,
)
from pages.words.wording import plain

_GROUPS_PER_PAGE = 6
_PHOTOS_PER_GROUP = 60
_GRID_PX = 112


_HIDDEN = "Do not show this again."
_UNBOUND = "Do not show this again. A split may then put these photos on different sides."


def count_problems(dataset: DatasetView, services: Services) -> int | None:
    """How many findings wait for the person now; None while nobody knows, because the photos have changed since."""
    if services.library.checks.checked_revision(dataset.id) != dataset.revision:
        return None
    return len(open_findings(dataset, services))


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
            "Looked for copies and near-copies, also between classes and across the split; for mirrored classes and "
            f"renderings of one photo; for {_photos_looked_for()} photos; for too few photos, uneven classes and "
            "missing splits."
        )
    for number, finding in enumerate(findings):
        title = f"**{plain(finding.title)}**"
        expander = st.expander(
            title, expanded=number == 0, key=f"dataset.problems.open.{finding.kind}", on_change="rerun"
        )
        if expander.open:
            with expander:
                _render_finding(finding, dataset, classes, services)
    if services.library.checks.dismissed(dataset.id):
        st.button(
            "Show dismissed findings again",
            type="tertiary",
            icon=":material/visibility:",
            on_click=guarded(services.library.checks.restore),
            args=(dataset.id,),
        )


def _photos_looked_for() -> str:
    *first, last = [check.words.looked_for for check in photo_checks() if check.words.looked_for]
    return f"{', '.join(first)} and {last}"


def _render_finding(finding: Finding, dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    st.markdown(plain(finding.why))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _render_remedies(finding, dataset, services)
    parts = finding.groups or ((finding.image_ids,) if finding.image_ids else ())
    is_kept_first = any(each.kind is RemedyKind.KEEP_ONE for each in (finding.remedy, *finding.options) if each)
    if is_kept_first and not finding.choices:
        st.caption("Of each group the first photo would stay.")
    first = _render_pager(finding, len(parts))
    for number in range(first, min(first + _GROUPS_PER_PAGE, len(parts))):
        # A single group needs no button of its own: that of the finding says the same.
        keys = finding.member_keys[number : number + 1] if len(finding.groups) > 1 else ()
        has_selection = _render_photos(parts[number], dataset, classes, services)
        if finding.kind == FindingKind.IN_TWO_CLASSES:
            choices = finding.choices[number] if finding.choices else ()
            _render_choices(choices, parts[number], dataset, classes, services)
        if keys and not has_selection:
            hint = _UNBOUND if words_of(finding.kind).is_binding else _HIDDEN
            _render_dismissal("These are fine", keys, dataset, services, hint=hint)


def _render_remedies(finding: Finding, dataset: DatasetView, services: Services) -> None:
    """What one click can do: what is suggested first, and nothing that takes photos away where all are like that."""
    words = words_of(finding.kind)
    if finding.remedy is not None:
        _render_remedy(finding.remedy, finding, dataset, services, is_first=True)
    if finding.is_usual:
        # Near-twins that are so many stay on one side of the split: only the finding is put away.
        keys = (finding.key,) if words.is_binding else finding.dismissal_keys
        _render_dismissal("This is how they are", keys, dataset, services, is_first=True)
    for option in finding.options:
        _render_remedy(option, finding, dataset, services, is_first=False)
    if words.unbinding:
        _render_dismissal(words.dismissal, (finding.key,), dataset, services)
        _render_dismissal(words.unbinding, finding.dismissal_keys, dataset, services, hint=_UNBOUND)
    elif not finding.is_usual:
        hint = _UNBOUND if words.is_binding else _HIDDEN
        _render_dismissal(words.dismissal, finding.dismissal_keys, dataset, services, hint=hint)


def _render_remedy(
    remedy: Remedy, finding: Finding, dataset: DatasetView, services: Services, *, is_first: bool
) -> None:
    st.button(
        plain(remedy.label),
        key=f"dataset.problems.remedy.{finding.kind}" + ("" if is_first else f".{remedy.lead or remedy.label}"),
        icon=":material/auto_fix_high:" if is_first else None,
        type="primary" if is_first else "secondary",
        on_click=guarded(_apply),
        args=(remedy, finding, dataset, services),
    )


def _render_pager(finding: Finding, num_groups: int) -> int:
    num_pages = -(-num_groups // _GROUPS_PER_PAGE)
    if num_pages <= 1:
        return 0
    page = st.number_input(
        f"Page, 1 to {num_pages}", 1, num_pages, key=f"dataset.problems.page.{finding.kind}", width=150
    )
    return (int(page) - 1) * _GROUPS_PER_PAGE


def _render_dismissal(
    label: str,
    keys: tuple[str, ...],
    dataset: DatasetView,
    services: Services,
    *,
    is_first: bool = False,
    hint: str = _HIDDEN,
) -> None:
    st.button(
        label,
        key=f"dataset.problems.dismiss.{keys[0]}.{len(keys)}",
        type="primary" if is_first else "tertiary",
        icon=":material/check:",
        help=hint,
        on_click=guarded(services.library.checks.dismiss),
        args=(dataset.id, keys),
    )


def _render_choices(
    choices: tuple[Remedy, ...],
    image_ids: tuple[int, ...],
    dataset: DatasetView,
    classes: list[ClassView],
    services: Services,
) -> None:
    """One button for each class that a photo can stay in."""
    with st.container(horizontal=True, gap="small"):
        for number, remedy in enumerate(choices):
            st.button(
                plain(remedy.label),
                key=f"dataset.problems.choice.{remedy.image_ids}.{number}",
                on_click=guarded(_apply),
                args=(remedy, None, dataset, services),
            )
    used = {image.class_id for image in services.library.images.get(image_ids)}
    if len(choices) < len(used):
        named = [f"“{plain(view.name)}”" for view in classes if view.id in used]
        st.caption(
            f"Among {', '.join(named)} are classes with no other photo: they would be empty. Add photos to them first."
        )


def _render_photos(
    image_ids: tuple[int, ...], dataset: DatasetView, classes: list[ClassView], services: Services
) -> bool:
    """A grid of photos that belong together, with what can be done to those that are selected; whether any are."""
    images = [image for image in services.library.images.get(image_ids[:_PHOTOS_PER_GROUP]) if not image.trashed_at]
    if not images:
        return False
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
    return bool(selected)


def _apply(remedy: Remedy, finding: Finding | None, dataset: DatasetView, services: Services) -> None:
    library = services.library
    match remedy.kind:
        case RemedyKind.TRASH_IMAGES | RemedyKind.KEEP_ONE:
            _check_leaves_photos(remedy, dataset, services)
            operations = [library.images.trash(remedy.image_ids)]
        case RemedyKind.MOVE_TOGETHER:
            operations = [library.images.set_split(image_ids, split) for split, image_ids in remedy.moves]
        case RemedyKind.SPLIT_AGAIN:
            lets_go = finding is not None and finding.kind != FindingKind.NO_VALIDATION
            operations = [split_again(dataset, services, lets_go=lets_go)]
    for operation in operations:
        st.toast(plain(operation.summary), icon=":material/check:")


def _check_leaves_photos(remedy: Remedy, dataset: DatasetView, services: Services) -> None:
    """Refuse to empty a class: somebody may have deleted its other photos since this was offered.

    Raises:
        DatasetError: nothing would be left of a class.
    """
    taken = Counter(image.class_id for image in services.library.images.get(remedy.image_ids) if not image.trashed_at)
    sizes = Counter[int]()
    for (class_id, _), number in services.library.images.count(dataset.id).items():
        sizes[class_id] += number
    for view in services.library.classes.of(dataset.id):
        if taken[view.id] and taken[view.id] == sizes[view.id]:
            raise DatasetError(
                f"That would leave the class “{view.name}” without photos, because the dataset has changed meanwhile. "
                "Nothing was deleted. Wait for the check to end, and look again."
            )
