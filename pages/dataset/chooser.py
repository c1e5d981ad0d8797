"""Which dataset is open, and the box to choose another."""

import streamlit as st

from core.datasets.records import DatasetView
from core.errors import UnknownDatasetError
from core.services import Services
from pages.widgets import links
from pages.widgets.address import DATASET, last_dataset
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count

SECTION = "dataset.section"
_WIDGET = "dataset.chooser"


def open_dataset(dataset_id: int, section: str | None = None) -> None:
    """Make this the dataset that the visitor works on, from the next run on; no section keeps the present one."""
    DATASET.open({links.DATASET: str(dataset_id)})
    if section is not None:
        st.session_state[SECTION] = section


def leave_dataset() -> None:
    """Go back to the list of datasets."""
    DATASET.open({})


def chosen_dataset(services: Services) -> DatasetView | None:
    """The dataset that is open; None when the visitor has to choose or make one."""
    DATASET.wanted()
    if links.SECTION in st.query_params:  # only links have it: from then on the visitor chooses
        st.session_state[SECTION] = st.query_params.pop(links.SECTION)
    dataset_id = last_dataset()
    dataset = None
    if dataset_id is not None:
        try:
            dataset = services.library.datasets.get(dataset_id)
        except UnknownDatasetError as exc:
            show_error(str(exc))
    if dataset is None or dataset.trashed_at is not None:
        leave_dataset()
        DATASET.write({})
        return None
    DATASET.write({links.DATASET: str(dataset.id)})
    return dataset


def render_chooser(dataset: DatasetView, services: Services) -> None:
    """A box with every dataset, and the way back to the list."""
    # The open one is not in the list while an import that it was made for has brought nothing.
    datasets = {other.id: other for other in services.library.datasets.all()} | {dataset.id: dataset}
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
