"""What the classify page can answer with, and what the page needs to know of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from core.backbones.catalog import Backbone
from core.errors import BluetitError
from core.inference.classifier import Classifier
from core.services import Services
from pages.words.wording import count, plain, quoted

_MAX_LISTED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """The parts of a network in words, for *Under the hood*; Markdown."""

    backbone: str  # what turns pixels into features, with its size in learned numbers
    pooling: str  # what becomes of the feature map
    head: str  # what the last layers do with the features, up to the probabilities
    head_origin: str  # where the last layers come from
    comparison: str  # what is known of the difference between the fast version and the original; may be empty


class NetworkChoice(Protocol):
    """A network that a visitor can have the photos answered by: a backbone of the catalogue, or a trained model."""

    @property
    def key(self) -> str:
        """Short text that tells it from all other choices."""

    @property
    def address(self) -> Mapping[str, str]:
        """Parameters of the address by which it is kept."""

    @property
    def title(self) -> str:
        """Name for people; what they typed, letter by letter."""

    @property
    def backbone(self) -> Backbone | None:
        """The catalogue's network that it is or was made from; None where it is none of these, or nobody knows."""
        return None

    @property
    def run_id(self) -> int | None:
        """The run that it was trained in; None where that was not here."""
        return None

    @property
    def dataset_id(self) -> int | None:
        """The dataset that its classes come from; None where there is none of the visitor's own."""
        return None

    @property
    def introduction(self) -> str:
        """One sentence on what it can tell, as Markdown."""

    def describe(self, services: Services) -> str:
        """Name and state, in one short line of plain text."""

    def render_facts(self, services: Services) -> None:
        """Figures on how good, fast and large it is."""

    def load(self, services: Services) -> Classifier:
        """The classifier; any `BluetitError` is a matter for `render_unready`."""

    def render_unready(self, error: BluetitError, services: Services) -> bool:
        """Why it cannot answer now, and what to do; returns whether to look again soon."""

    def anatomy(self, classifier: Classifier) -> Anatomy:
        """Its parts, once it is loaded."""

    def render_classes(self, services: Services) -> None:
        """What it knows."""


def describe_pooling(num_channels: int) -> str:
    """What becomes of the feature map of every network that was trained by others."""
    return (
        f"takes the mean over all places: {num_channels:,} numbers that say what is there, no matter where (the pooled "
        "features)"
    )


def render_class_names(names: Sequence[str], limits: str = "") -> None:
    """What a model knows.

    Args:
        names: of its classes.
        limits: what it says to a photo of anything else; empty where it picks one of these all the same.
    """
    st.subheader("What it knows", anchor=False)
    listed = ", ".join(plain(quoted(name)) for name in names[:_MAX_LISTED])
    hidden = f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else ""
    st.markdown(f"{count(len(names), 'class', 'classes')}: {listed}{hidden}.")
    st.caption(limits or "Shown a photo of anything else, it can only pick one of these.")
