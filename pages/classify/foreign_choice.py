"""A model from elsewhere as a choice on the classify page."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.errors import BluetitError
from core.foreign.records import ForeignModelView
from core.inference.classifier import Classifier
from core.services import Services
from pages.classify.foreign_menu import render_foreign_menu
from pages.classify.foreign_scaling import render_scaling
from pages.classify.network_choice import Anatomy, NetworkChoice, render_class_names
from pages.widgets import links
from pages.widgets.errors import show_error
from pages.words.foreign_told import ORIGIN_WORDS, scaling_sentence
from pages.words.models import FOREIGN_PREFIX
from pages.words.wording import count, date_text, milliseconds_text, plain, size_text


@dataclass(frozen=True, slots=True)
class ForeignChoice(NetworkChoice):
    """See `NetworkChoice`."""

    model: ForeignModelView

    @property
    def key(self) -> str:
        """The model's number, marked as such."""
        return f"{FOREIGN_PREFIX}{self.model.id}"

    @property
    def address(self) -> Mapping[str, str]:
        """By its number, too."""
        return links.classify_with_foreign(self.model.id).address

    @property
    def title(self) -> str:
        """Its name."""
        return self.model.name

    @property
    def introduction(self) -> str:
        """Which model, and that others trained it."""
        number = count(len(self.model.class_names), "class", "classes")
        return f"**{plain(self.title)}**, a model from elsewhere, says which of its {number} it sees."

    def describe(self, services: Services) -> str:
        """With where it comes from."""
        return f"{self.title} · from {ORIGIN_WORDS[self.model.origin]}"

    def render_facts(self, services: Services) -> None:
        """Classes, speed, size, where it comes from; how its photos are made ready, which can be changed."""
        record = self.model.record
        facts = st.container(horizontal=True, gap="medium")
        facts.metric("Classes", f"{len(self.model.class_names):,}", width="content")
        facts.metric(
            "Speed here",
            milliseconds_text(record.trial.milliseconds),
            width="content",
            help="Time for one photo on one processor core of this computer, measured when the model was brought in.",
        )
        facts.metric(
            "Size", size_text(record.num_bytes), width="content", help="Of its LiteRT file, by which it answers."
        )
        height, width = record.trial.image_size
        st.caption(
            f"From {ORIGIN_WORDS[self.model.origin]}: {plain(record.file_name)}, brought in on "
            f"{date_text(self.model.created_at)} · {width} × {height} pixels. "
            "It answers in a process of its own, apart from Bluetit."
        )
        for note in record.notes:
            st.caption(plain(note))
        st.caption(plain(scaling_sentence(self.model)))
        with st.container(horizontal=True):
            render_foreign_menu(self.model, services)
        render_scaling(self.model, services)

    def load(self, services: Services) -> Classifier:
        """Ready at once: what is wrong with it is told by its answers."""
        return services.classifiers.get_foreign(self.model)

    def render_unready(self, error: BluetitError, services: Services) -> bool:
        """Nothing helps but bringing it in again."""
        show_error(str(error))
        return False

    def anatomy(self, classifier: Classifier) -> Anatomy:
        """What others trained, seen from outside."""
        return Anatomy(
            backbone=f"{plain(self.title)} ({ORIGIN_WORDS[self.model.origin]}, "
            f"{size_text(self.model.record.num_bytes)})",
            pooling="",
            head=f"The last layers turn what it found into **{len(self.model.class_names):,} probabilities**",
            head_origin="Others trained it; what it learned from is not known here.",
            comparison="",
        )

    def render_classes(self, services: Services) -> None:
        """The names of its classes."""
        render_class_names(self.model.class_names)


def foreign_choices(services: Services) -> list[ForeignChoice]:
    """The models from elsewhere that a visitor can choose, the newest first."""
    return [ForeignChoice(model) for model in services.foreign.list_models()]
