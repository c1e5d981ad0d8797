"""Which dataset is open: kept in the address, so that a reload or a shared link comes back to it."""

import streamlit as st

from core.datasets.records import DatasetView
from core.errors import UnknownDatasetError
from core.services import Services
from pages.widgets.errors import guarded, show_error
from pages.widgets.last_page import is_asked_for_anew
from pages.widgets.wording import count

_OPEN = "dataset.open"
_PARAMETER = "dataset"
_SECTION_PARAMETER = "section"  # only in links: from then on the visitor chooses
_ADDRESS = "dataset.address"  # what this page wrote into the address last
SECTION = "dataset.section"
_WIDGET = "dataset.chooser"
_MAX_DIGITS = 18  # what fits into the database's whole numbers


def open_dataset(dataset_id: int, section: str | None = None) -> None:
    """Make this the dataset that the visitor works on, from the next run on; no section keeps the present one."""
    st.session_state[_OPEN] = dataset_id
    if section is not None:
        st.session_state[SECTION] = section


def dataset_address(dataset_id: int, section: str) -> dict[str, str]:
    """Parameters of a link to a section of a dataset."""
    return {_PARAMETER: str(dataset_id), _SECTION_PARAMETER: section}


def leave_dataset() -> None:
    """Go back to the list of datasets."""
    st.session_state[_OPEN] = None


def last_opened() -> int | None:
    """The dataset that this visitor works on, for other pages; None while there is none."""
    dataset_id: int | None = st.session_state.get(_OPEN)
    return dataset_id


def chosen_dataset(services: Services) -> DatasetView | None:
    """The dataset that is open; None when the visitor has to choose or make one."""
    asked_for = st.query_params.get(_PARAMETER, "")
    if _OPEN not in st.session_state or is_asked_for_anew(asked_for, st.session_state.get(_ADDRESS, "")):
        is_number = asked_for.isdecimal() and len(asked_for) <= _MAX_DIGITS
        st.session_state[_OPEN] = int(asked_for) if is_number else None
    if _SECTION_PARAMETER in st.query_params:
        st.session_state[SECTION] = st.query_params.pop(_SECTION_PARAMETER)
    dataset_id = st.session_state[_OPEN]
    dataset = None
    if dataset_id is not None:
        try:
            dataset = services.library.get_dataset(dataset_id)
        except UnknownDatasetError as exc:
            show_error(str(exc))
    if dataset is None or dataset.trashed_at is not None:
        st.session_state[_OPEN] = None
        st.query_params.pop(_PARAMETER, None)
        st.session_state[_ADDRESS] = ""
        return None
    st.query_params[_PARAMETER] = st.session_state[_ADDRESS] = str(dataset.id)
    return dataset


def render_chooser(dataset: DatasetView, services: Services) -> None:
    """A box with every dataset, and the way back to the list."""
    # The open one is not in the list while an import that it was made for has brought nothing.
    datasets = {other.id: other for other in services.library.list_datasets()} | {dataset.id: dataset}
    st.session_state[_WIDGET] = dataset.id
    st.selectbox(
        "Dataset",
        list(datasets),
        key=_WIDGET,
        format_func=lambda dataset_id: (
            f"{datasets[dataset_id].name} · {count(datasets[dataset_id].num_images, 'photo')}"
        ),
        on_change=guarded(open_chosen),
    )
    st.button("All datasets", icon=":material/apps:", on_click=guarded(leave_dataset), type="tertiary")


def open_chosen() -> None:
    """Open what was chosen in the box.

    The browser sends the text that it shows. Once the number of photos in it is an old one, it names none of the
    options; then Streamlit hands over the text itself, whatever the visitor did on the page.
    """
    chosen = st.session_state[_WIDGET]
    if isinstance(chosen, int):
        open_dataset(chosen)
