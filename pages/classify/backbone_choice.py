"""A backbone of the catalogue, with its own head for ImageNet's 1,000 classes, as a choice on the classify page."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.backbones.artefacts import ArtefactRecord, find_artefact
from core.backbones.catalog import Backbone
from core.errors import ArtefactDamagedError, ArtefactMissingError, BluetitError
from core.inference.classifier import Classifier
from core.services import Services
from pages.classify.class_search import render_class_search
from pages.classify.network_choice import Anatomy, describe_pooling
from pages.widgets import links
from pages.widgets.preparation import Availability, availability_of, describe_availability, render_preparation
from pages.words.wording import size_text


@dataclass(frozen=True, slots=True)
class BackboneChoice:
    """See `NetworkChoice`."""

    backbone: Backbone
    availability: Availability | None = None  # where its weights are, if somebody has looked already

    @property
    def key(self) -> str:
        """Its name in the catalogue."""
        return self.backbone.name

    @property
    def address(self) -> Mapping[str, str]:
        """By its name, too."""
        return links.classify_with_network(self.backbone.name).address

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.backbone.title

    @property
    def run_id(self) -> int | None:
        """None: it was not trained here."""
        return None

    @property
    def dataset_id(self) -> int | None:
        """None: those of ImageNet are not here."""
        return None

    @property
    def introduction(self) -> str:
        """What any such network can tell."""
        return "A network that learned 1,000 kinds of things says what it sees."

    def describe(self, services: Services) -> str:
        """With where its weights are."""
        availability = self.availability or availability_of(self.backbone, services)
        return f"{self.title} · {describe_availability(self.backbone, availability)}"

    def render_facts(self, services: Services) -> None:
        """Published accuracy, speed here, size, paper."""
        backbone = self.backbone
        artefact = find_artefact(backbone, services.settings)
        accuracy = "–" if backbone.imagenet_top1 is None else f"{backbone.imagenet_top1:.1f} %"
        speed = f"{artefact.record.litert_milliseconds:.0f} ms" if artefact else "–"
        facts = st.container(horizontal=True, gap="medium")
        facts.metric(
            "Right first time",
            accuracy,
            width="content",
            help="Published top-1 accuracy on the 50,000 validation photos of ImageNet.",
        )
        facts.metric(
            "Speed here",
            speed,
            width="content",
            help="Time for one photo on one processor core of this computer, measured when the network was prepared.",
        )
        facts.metric(
            "Size",
            size_text(backbone.weights_megabytes * 1e6),
            width="content",
            help=f"{backbone.num_parameters / 1e6:.1f} million learned numbers (parameters).",
        )
        availability = describe_availability(backbone, availability_of(backbone, services))
        st.caption(
            f"{availability.capitalize()} · "
            f"{backbone.image_size[1]} × {backbone.image_size[0]} pixels · "
            f"[{backbone.year}, {backbone.paper}]({backbone.paper_url})"
        )

    def load(self, services: Services) -> Classifier:
        """From what was prepared."""
        return services.classifiers.get(self.backbone)

    def render_unready(self, error: BluetitError, services: Services) -> bool:
        """It is being prepared, or has to be."""
        if not isinstance(error, ArtefactMissingError | ArtefactDamagedError):
            raise error
        return render_preparation(self.backbone, services)

    def anatomy(self, classifier: Classifier) -> Anatomy:
        """The published network, head included."""
        channels = classifier.engine.feature_map_shape[-1]
        how = (
            f"One table of {channels:,} × 1,000 weights turns"
            if classifier.has_exact_heat
            else "A few last layers of the network turn"
        )
        comparison = ""
        if isinstance(classifier.record, ArtefactRecord):
            comparison = _describe_comparison(classifier.record.largest_probability_difference)
        return Anatomy(
            backbone=f"{self.title} ({self.backbone.num_parameters / 1e6:.1f} million learned numbers)",
            pooling=describe_pooling(channels),
            head=f"{how} the patterns into **1,000 scores**, and a softmax turns the scores into probabilities",
            head_origin="Retraining replaces this step by one for classes of your own.",
            comparison=comparison,
        )

    def render_classes(self, services: Services) -> None:
        """A search box, for nobody reads a thousand names."""
        render_class_search()


def _describe_comparison(largest: float | None) -> str:
    if largest is None:
        return "The fast version of this network (LiteRT) is being compared with the original (Keras) at present."
    return (
        "The fast version of this network (LiteRT) was compared with the original (Keras) when it was "
        f"prepared: no probability differed by more than {largest * 100:.5f} %."
    )
