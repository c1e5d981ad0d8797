"""The datasets in the trash: each can be brought back, or deleted for good once it is clear what that takes."""

import math

import streamlit as st

from core.datasets.purging import PurgeOutlook
from core.datasets.records import DatasetView
from core.services import Services
from core.settings import Settings
from pages.widgets.errors import guarded
from pages.words.wording import count, plain

_ASKED = "dataset.deleted.asked"  # the dataset about which the person is asked whether it is to go for good
_MAX_NAMED = 3  # runs, datasets and classes that are called by name
_DAY_SECONDS = 24 * 3600


def trash_period(settings: Settings) -> str:
    """How long a deleted dataset can be brought back, to follow "can be brought back"."""
    days = settings.dataset_trash_days
    return f" for {count(math.ceil(days), 'day')}" if days else ""


def render_deleted(services: Services) -> None:
    """An expander with the datasets in the trash; nothing where there are none."""
    deleted = services.library.datasets.in_trash()
    if not deleted:
        return
    with st.expander(f"Deleted datasets ({len(deleted)})", icon=":material/delete:"):
        for dataset in deleted:
            _render_one(dataset, services)


def _render_one(dataset: DatasetView, services: Services) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        photos = count(dataset.num_images, "photo")
        st.markdown(f"{plain(dataset.name)} · {photos}{_time_left(dataset, services)}", width="content")
        st.button(
            "Bring back",
            key=f"dataset.start.restore.{dataset.id}",
            icon=":material/undo:",
            on_click=guarded(services.library.datasets.restore),
            args=(dataset.id,),
        )
        st.button(
            "Delete for good …",
            key=f"dataset.deleted.ask.{dataset.id}",
            icon=":material/delete_forever:",
            type="tertiary",
            help="Asks once more, and says which photos go.",
            on_click=guarded(_ask),
            args=(dataset.id,),
        )
    if st.session_state.get(_ASKED) == dataset.id:
        _render_question(dataset, services)


def _time_left(dataset: DatasetView, services: Services) -> str:
    seconds = services.trash.seconds_left(dataset)
    if seconds is None:
        return ""
    days = math.ceil(seconds / _DAY_SECONDS)
    return f" · goes for good in {count(days, 'day')}" if days > 1 else " · goes for good within a day"


def _render_question(dataset: DatasetView, services: Services) -> None:
    outlook = services.trash.foresee(dataset.id)
    with st.container(border=True, key="dataset-purge-question"):
        st.markdown(purge_words(dataset.name, outlook))
        with st.container(horizontal=True):
            st.button(
                f"Delete {count(outlook.num_going, 'photo')} for good" if outlook.num_going else "Delete it for good",
                key=f"dataset.deleted.purge.{dataset.id}",
                icon=":material/delete_forever:",
                type="primary",
                on_click=guarded(_purge),
                args=(dataset, services),
            )
            st.button("Keep it", key=f"dataset.deleted.keep.{dataset.id}", on_click=guarded(_ask), args=(None,))


def purge_words(name: str, outlook: PurgeOutlook) -> str:
    """What deleting a dataset for good takes and what it leaves, as Markdown."""
    num_kept = outlook.num_photos - outlook.num_going
    if not outlook.num_photos:
        gone = "It has no photos"
    elif not num_kept:
        gone = f"Its {count(outlook.num_photos, 'photo')} will be deleted"
    elif not outlook.num_going:
        gone = f"None of its {count(outlook.num_photos, 'photo')} will be deleted"
    else:
        gone = f"{outlook.num_going:,} of its {count(outlook.num_photos, 'photo')} will be deleted"
    lines = [f"**Delete “{plain(name)}” for good?** {gone}. This cannot be undone."]
    if outlook.num_kept_for_runs:
        lines.append(
            f"- {count(outlook.num_kept_for_runs, 'photo')} will stay for the results of "
            f"{_named(outlook.run_names, 'run')}: {_by_class(outlook.kept_by_class)}. "
            "They go once those runs are deleted for good as well."
        )
    if outlook.num_kept_elsewhere:
        lines.append(
            f"- {count(outlook.num_kept_elsewhere, 'photo')} will stay in {_named(outlook.dataset_names, 'dataset')}."
        )
    return "\n".join([lines[0], "", *lines[1:]])


def _named(names: tuple[str, ...], what: str) -> str:
    """Names in quotes, and how many more there are."""
    quoted = [f"“{plain(name)}”" for name in names[:_MAX_NAMED]]
    if len(names) > _MAX_NAMED:
        quoted.append(f"{count(len(names) - _MAX_NAMED, f'more {what}')}")
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _by_class(kept: tuple[tuple[str, int], ...]) -> str:
    parts = [f"{number:,} of “{plain(name)}”" for name, number in kept[:_MAX_NAMED]]
    if len(kept) > _MAX_NAMED:
        rest = sum(number for _, number in kept[_MAX_NAMED:])
        parts.append(f"{rest:,} of {count(len(kept) - _MAX_NAMED, 'other class', 'other classes')}")
    return ", ".join(parts)


def _ask(dataset_id: int | None) -> None:
    st.session_state[_ASKED] = dataset_id


def _purge(dataset: DatasetView, services: Services) -> None:
    st.session_state[_ASKED] = None
    outlook = services.trash.purge(dataset.id)
    photos = f", with {count(outlook.num_going, 'photo')}" if outlook.num_going else ""
    st.toast(f"Deleted {plain(dataset.name)} for good{photos}.", icon=":material/delete_forever:")
