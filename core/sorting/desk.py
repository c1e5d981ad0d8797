"""Photos are sorted with the network's help: what is like examples, and where each photo may belong."""

import numpy as np

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import find_backbone
from core.datasets.library import Library
from core.datasets.records import ImageView
from core.datasets.tasks import LOOK_KIND, MODEL_LOOK_KIND
from core.errors import ArtefactMissingError, DatasetError
from core.features.cache import FeatureCache
from core.features.key import FeatureKey
from core.features.table import FeatureTable
from core.inference.own_classifiers import OwnClassifiers
from core.names import name_key
from core.runs.library import RunLibrary
from core.runs.model_record import ModelRecord, model_feature_key
from core.runs.records import RunStatus, RunView
from core.settings import Settings
from core.sorting.advice import ask_examples, ask_model, choose_examples, suggest
from core.sorting.records import Adviser, Found, Search, Suggestions
from core.sorting.search import find_alike

MIN_CLASSES = 2  # with examples, besides the class that is sorted

# Which background work looks at the photos for an adviser.
LOOKS = {Adviser.EXAMPLES: LOOK_KIND, Adviser.MODEL: MODEL_LOOK_KIND}


def newest_model(runs: RunLibrary, dataset_id: int) -> RunView | None:
    """The newest finished run of a dataset; None where there is none."""
    finished = (run for run in runs.list_runs(dataset_id) if run.status is RunStatus.DONE and run.outcome is not None)
    return next(finished, None)


class SortingDesk:
    """Searches and suggests; it changes nothing. Safe to share between threads."""

    def __init__(
        self, settings: Settings, library: Library, runs: RunLibrary, classifiers: OwnClassifiers, table: FeatureTable
    ) -> None:
        """Sort for one space.

        Args:
            settings: of the workspace.
            library: of the space.
            runs: of the space.
            classifiers: of the space.
            table: of features, shared by all.
        """
        self._settings = settings
        self._library = library
        self._runs = runs
        self._classifiers = classifiers
        self._table = table

    def find(self, dataset_id: int, search: Search, *, limit: int) -> Found:
        """The photos of a dataset that fit a search best, best first.

        Raises:
            UnknownDatasetError: no such dataset.
            ArtefactMissingError: the network that compares photos has not been prepared yet.
            DatasetError: nothing says what is looked for.
        """
        self._library.datasets.get(dataset_id)
        images = self._library.images.of(dataset_id)
        return find_alike(images, search, self._table, self._backbone_key(), limit=limit)

    def model_of(self, dataset_id: int) -> RunView | None:
        """The newest model of a dataset that can advise; None where there is none."""
        run = newest_model(self._runs, dataset_id)
        return run if run is not None and self._classifiers.get_trained(run.id).features_head is not None else None

    def count_unknown(self, dataset_id: int, adviser: Adviser) -> int:
        """How many photos of a dataset have not been looked at by the network that an adviser needs.

        Raises:
            UnknownDatasetError: no such dataset.
            ArtefactMissingError: that network has not been prepared yet.
            DatasetError: the dataset has no model.
        """
        self._library.datasets.get(dataset_id)
        hashes = {image.photo_hash for image in self._library.images.of(dataset_id)}
        key = self._backbone_key() if adviser is Adviser.EXAMPLES else self._model_key(dataset_id)
        return len(FeatureCache(self._settings).missing(*key, hashes))

    def suggest(self, dataset_id: int, class_id: int, adviser: Adviser) -> Suggestions:
        """Where the photos of a class may belong; nothing is applied.

        Args:
            dataset_id: the dataset.
            class_id: whose photos are to be sorted.
            adviser: who is asked.

        Raises:
            UnknownDatasetError: no such dataset.
            ArtefactMissingError: the network that is needed has not been prepared yet.
            DatasetError: the dataset has no model, or fewer than two other classes with photos.
        """
        self._library.datasets.get(dataset_id)
        images = self._library.images.of(dataset_id)
        own = [image for image in images if image.class_id == class_id]
        if adviser is Adviser.MODEL:
            return self._by_model(dataset_id, own)
        return self._by_examples(dataset_id, own, choose_examples(images, class_id))

    def _by_model(self, dataset_id: int, own: list[ImageView]) -> Suggestions:
        key = self._model_key(dataset_id)
        classifier = self._classifiers.get_trained(self._model(dataset_id).id)
        features, is_known = self._table.get((dataset_id, "model"), key, [image.photo_hash for image in own])
        known = [image for image, is_there in zip(own, is_known, strict=True) if is_there]
        ids = {name_key(view.name): view.id for view in self._library.classes.of(dataset_id)}
        class_ids = [ids.get(name_key(label)) for label in classifier.classes.labels]
        if not known:
            nothing = np.zeros((0, len(class_ids)))
            return suggest([], nothing, np.zeros(0, np.bool_), class_ids, num_photos=len(own))
        probabilities, is_refused = ask_model(classifier, features)
        return suggest(known, probabilities, is_refused, class_ids, num_photos=len(own))

    def _by_examples(self, dataset_id: int, own: list[ImageView], examples: list[ImageView]) -> Suggestions:
        key = self._backbone_key()
        everybody = [*own, *examples]
        features, is_known = self._table.get(dataset_id, key, [image.photo_hash for image in everybody])
        known = [image for image, is_there in zip(everybody, is_known, strict=True) if is_there]
        num_own = int(is_known[: len(own)].sum())
        class_ids = sorted({image.class_id for image in known[num_own:]})
        if len(class_ids) < MIN_CLASSES:
            raise DatasetError(
                f"{len(class_ids)} of the other classes has photos that were looked at; at least {MIN_CLASSES} are "
                "needed to tell where a photo may belong. Put some examples into each class first."
            )
        place = {class_id: number for number, class_id in enumerate(class_ids)}
        indices = np.array([place[image.class_id] for image in known[num_own:]], np.int64)
        probabilities = ask_examples(features[:num_own], features[num_own:], indices, num_classes=len(class_ids))
        is_refused = np.zeros(num_own, np.bool_)
        return suggest(known[:num_own], probabilities, is_refused, class_ids, num_photos=len(own))

    def _model(self, dataset_id: int) -> RunView:
        run = self.model_of(dataset_id)
        if run is None:
            raise DatasetError("This dataset has no model yet that could say where photos belong. Train one first.")
        return run

    def _model_key(self, dataset_id: int) -> FeatureKey:
        record = self._classifiers.get_trained(self._model(dataset_id).id).record
        if not isinstance(record, ModelRecord):
            raise TypeError(f"{record!r} describes no model of a run")
        return model_feature_key(record)

    def _backbone_key(self) -> FeatureKey:
        artefact = find_artefact(find_backbone(self._settings.default_backbone), self._settings)
        if artefact is None:
            raise ArtefactMissingError(
                "The network that compares photos is still being prepared. That takes a minute at the first start: try "
                "again then."
            )
        return FeatureKey(artefact.record.fingerprint, artefact.record.fit_mode)
