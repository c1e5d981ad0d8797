"""Links to other pages of the app: every place that one can lead to, and how it looks.

Links, and not buttons: at a button's click the server changes the page, and a timer of the old page that still ticks
in the browser leaves the new one empty. A browser that follows a link stops the timers first. Besides, a link can be
opened in another tab.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

Look = Literal["primary", "secondary", "tertiary"]

# Names of the parameters by which pages know what to open. People keep links: a name stays what it is.
DATASET, SECTION = "dataset", "section"
RUN, RACE = "run", "race"
RUNS, NETWORKS = "runs", "networks"
MODEL, NETWORK, PHOTOS = "model", "network", "photos"
FOREIGN = "foreign"
BACKBONE = "backbone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page of the app, and what is open there."""

    page: str  # the page's file
    address: Mapping[str, str] = field(default_factory=dict)  # parameters; without them what was open last


def datasets() -> Place:
    """The dataset page."""
    return Place(page="pages/dataset/page.py")


def dataset(dataset_id: int, section: str) -> Place:
    """A section of a dataset."""
    return Place(page=datasets().page, address={DATASET: str(dataset_id), SECTION: section})


def trainings() -> Place:
    """The train page."""
    return Place(page="pages/train/page.py")


def train_with_network(name: str) -> Place:
    """The form for a new run, on top of this backbone."""
    return Place(page=trainings().page, address={BACKBONE: name})


def training(run_id: int) -> Place:
    """A run's training."""
    return Place(page=trainings().page, address={RUN: str(run_id)})


def race(mark: str) -> Place:
    """The runs of a race, side by side."""
    return Place(page=trainings().page, address={RACE: mark})


def results(run_id: int) -> Place:
    """The results of a run."""
    return Place(page="pages/results/page.py", address={RUN: str(run_id)})


def comparison(run_ids: Iterable[int]) -> Place:
    """The models of runs, compared."""
    return Place(page="pages/compare/page.py", address={RUNS: ",".join(map(str, run_ids))})


def classify_with_model(run_id: int) -> Place:
    """The classify page; the visitor works with the model of this run from then on, on every page."""
    return Place(page="pages/classify/page.py", address={MODEL: str(run_id)})


def stage_with_model(run_id: int) -> Place:
    """The page on which a screen and the reactions of this run's model are set up."""
    return Place(page="pages/stage/page.py", address={MODEL: str(run_id)})


def classify_with_network(name: str) -> Place:
    """The classify page; the visitor works with this backbone from then on, on every page."""
    return Place(page="pages/classify/page.py", address={NETWORK: name})


def classify_with_foreign(model_id: int) -> Place:
    """The classify page; the visitor works with this model from elsewhere from then on, on every page."""
    return Place(page="pages/classify/page.py", address={FOREIGN: str(model_id)})


def render_link(
    place: Place,
    label: str,
    *,
    icon: str,
    look: Look = "tertiary",
    help_text: str | None = None,
) -> None:
    """A link that looks like a button of the same kind.

    Args:
        place: where it leads.
        label: what it says, Markdown; those that do not look tertiary differ on a page.
        icon: Streamlit's name of an icon.
        look: like which kind of button; see `pages/assets/page.css`.
        help_text: what is said to a pointer that rests on it.
    """
    container = st.container(key=None if look == "tertiary" else f"link-{look}-{label}", width="content")
    container.page_link(place.page, label=label, icon=icon, help=help_text, query_params=place.address or None)
