"""The model of a finished run, with a person's own classes, as a choice on the classify page."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.backbones.catalog import Backbone
from core.config import HUB_PREFIX, SCRATCH
from core.errors import (
    ArtefactDamagedError,
    ArtefactMissingError,
    BluetitError,
    RunFileError,
    UnknownDatasetError,
)
from core.inference.classifier import Classifier
from core.inference.judging import describe_decision, read_rule
from core.inference.trained_model import backbone_to_prepare, read_model_record
from core.jobs.status import ACTIVE_STATUSES
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.runs.story import Outcome
from core.services import Services
from pages.classify.network_choice import Anatomy, NetworkChoice, describe_pooling, render_class_names
from pages.widgets import links
from pages.widgets.chosen_network import backbone_below, find_model
from pages.widgets.errors import guarded, show_error
from pages.widgets.preparation import render_preparation
from pages.words.models import MODEL_PREFIX, has_model
from pages.words.standing import best_score
from pages.words.wording import count, milliseconds_text, moment_text, plain, range_text, share_text, size_text
from pages.words.worth import weigh_run


@dataclass(frozen=True, slots=True)
class ModelChoice(NetworkChoice):
    """See `NetworkChoice`."""

    run: RunView

    @property
    def key(self) -> str:
        """The run's number, marked as such."""
        return f"{MODEL_PREFIX}{self.run.id}"

    @property
    def address(self) -> Mapping[str, str]:
        """By the run's number, too."""
        return links.classify_with_model(self.run.id).address

    @property
    def title(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def backbone(self) -> Backbone | None:
        """What it was trained on top of; None where that was none of the catalogue."""
        return backbone_below(self.run)

    @property
    def run_id(self) -> int | None:
        """Its number."""
        return self.run.id

    @property
    def dataset_id(self) -> int | None:
        """What it was trained on, which may have been deleted since."""
        return self.run.dataset_id

    @property
    def introduction(self) -> str:
        """Which model, and that it knows a person's own classes."""
        return f"Your model **{plain(self.title)}** says which of its {self._outcome.num_classes} classes it sees."

    def describe(self, services: Services) -> str:
        """With how often it was right."""
        score = best_score(self.run)
        if score is None:
            return f"{self.title} · your model"
        kind = "validation" if self._outcome.test_score is None else "test"
        return f"{self.title} · your model, {share_text(score.accuracy)} ({kind})"

    def render_facts(self, services: Services) -> None:
        """Accuracy with what is plausible, speed here, size, what it learned from and when."""
        outcome = self._outcome
        score = best_score(self.run)
        facts = st.container(horizontal=True, gap="medium")
        facts.metric(
            "Right",
            "–" if score is None else share_text(score.accuracy),
            width="content",
            help="Share of right answers to photos that it did not learn from (accuracy).",
        )
        milliseconds = outcome.milliseconds_per_photo
        facts.metric(
            "Speed here",
            "–" if milliseconds is None else milliseconds_text(milliseconds),
            width="content",
            help="Time for one photo on one processor core of this computer, measured when the model was trained.",
        )
        facts.metric(
            "Size",
            size_text(outcome.model_bytes),
            width="content",
            help=f"{outcome.num_parameters / 1e6:.1f} million learned numbers (parameters), of which "
            f"{outcome.num_trained_parameters:,} were trained here.",
        )
        st.caption(f"{self._score_sentence(services)} {self._origin(services)}")

    def load(self, services: Services) -> Classifier:
        """From the files of the run."""
        return services.classifiers.get_trained(self.run.id)

    def render_unready(self, error: BluetitError, services: Services) -> bool:
        """The backbone is prepared again where that helps, else the model can be packaged."""
        if find_model(self.run.id, services) is None:
            st.rerun()  # the whole page: it says so, and falls back
        if not isinstance(error, ArtefactMissingError | ArtefactDamagedError):
            show_error(str(error))
            return False
        backbone = backbone_to_prepare(read_model_record(RunFolder(services.settings, self.run.id)))
        if backbone is not None:
            return render_preparation(backbone, services)
        if services.runs.get_run(self.run.id).package_status in ACTIVE_STATUSES:
            st.info(f"{plain(self.title)} is being packaged; then it answers.", icon=":material/hourglass_top:")
            return True
        show_error(str(error))
        st.button(
            "Package the model",
            key=f"model_choice.package.{self.run.id}",
            icon=":material/package_2:",
            on_click=guarded(services.run_desk.request_packaging),
            args=(self.run.id,),
        )
        return False

    def anatomy(self, classifier: Classifier) -> Anatomy:
        """The network that it was made from, and the layers that were trained here."""
        outcome, channels = self._outcome, classifier.engine.feature_map_shape[-1]
        title = plain(self._network_title())
        millions = outcome.num_parameters / 1e6
        fine_tuned = "" if outcome.fine_tuning_from is None else " Fine-tuning changed the upper part of step 2, too."
        return Anatomy(
            backbone=f"{title[0].upper()}{title[1:]} ({millions:.1f} million learned numbers, head included)",
            pooling="weighs all places together" if self._is_from_scratch else describe_pooling(channels),
            head=self._describe_head(classifier),
            head_origin=f"This step is what your photos taught it.{fine_tuned}",
            comparison="",
        )

    def render_classes(self, services: Services) -> None:
        """The names of its classes."""
        try:
            names = read_model_record(RunFolder(services.settings, self.run.id)).class_names
        except RunFileError:
            return  # told above
        render_class_names(names, describe_decision(read_rule(RunFolder(services.settings, self.run.id)).decision))

    @property
    def _outcome(self) -> Outcome:
        return Outcome.from_json(self.run.outcome or {})

    def _score_sentence(self, services: Services) -> str:
        score = best_score(self.run)
        if score is None:
            return "How good it is nobody knows: there were no photos to test it with."
        weighed = weigh_run(self.run, services)
        if weighed is not None and not weighed.worth.is_better:
            return f":orange[:material/casino:] **{plain(weighed.title)}.** {plain(weighed.sentence)}"
        which = "test" if self._outcome.test_score is not None else "validation"
        return (
            f"Right on {score.num_correct:,} of {count(score.num_photos, f'{which} photo')}, "
            f"plausibly {range_text(score.low, score.high)} (95 % interval)."
        )

    def _origin(self, services: Services) -> str:
        photos = count(self._outcome.num_train_photos, "photo")
        when = moment_text(self.run.finished_at or self.run.created_at)
        return f"Trained on {when} with {photos}{self._dataset(services)}, from {plain(self._network_title())}."

    def _dataset(self, services: Services) -> str:
        if self.run.dataset_id is None:
            return ""
        try:
            return f" of {plain(services.library.datasets.get(self.run.dataset_id).name)}"
        except UnknownDatasetError:
            return ""  # deleted for good

    @property
    def _is_from_scratch(self) -> bool:
        return self.run.config_values.get("backbone") == SCRATCH

    def _network_title(self) -> str:
        if self.backbone is not None:
            return self.backbone.title
        if self._is_from_scratch:
            return "a small network that started from nothing"
        name = str(self.run.config_values.get("backbone"))
        return f"the TensorFlow Hub module {name.removeprefix(HUB_PREFIX)}"

    def _describe_head(self, classifier: Classifier) -> str:
        channels, names = classifier.engine.feature_map_shape[-1], classifier.classes.labels
        head = self.run.config_values.get("head", {})
        hidden = head.get("hidden_units") or ()
        num_outputs = 1 if head.get("one_unit_for_two_classes") and len(names) == 2 else len(names)
        widths = " → ".join(f"{units:,}" for units in (channels, *hidden, num_outputs))
        if self._is_from_scratch:
            how = "The last layer turns"
        elif hidden:
            how = f"{len(hidden) + 1} layers of weights ({widths}) turn"
        else:
            how = f"One table of {channels:,} × {num_outputs:,} weights turns"
        if num_outputs > 1:
            scores = f"**{num_outputs:,} scores**, and a softmax turns the scores into probabilities"
        else:
            first, second = (plain(name) for name in names)
            scores = f"**one score**, and a sigmoid turns the score into probabilities of {second} and {first}"
        return f"{how} the patterns into {scores}"


def usable_models(services: Services) -> list[ModelChoice]:
    """The models that a visitor can choose: of finished runs out of the trash, the newest first."""
    return [ModelChoice(run) for run in services.runs.list_runs() if has_model(run)]
