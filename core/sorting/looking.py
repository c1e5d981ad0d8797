"""The network looks at every photo of a dataset, once, so that photos can be compared and sorted in a moment.

Handlers of the task kinds `look_at_photos` (the default backbone) and `ask_model` (the newest model of the dataset);
the payload is `{"dataset_id": number}`. What the network sees is kept in the cache of features, and nowhere else.
"""

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.datasets.library import Library
from core.errors import DatasetError
from core.features.cache import FeatureCache
from core.features.embedding import Embedder, compute_features
from core.inference.classifier_cache import ClassifierCache
from core.inference.trained_model import read_model_record
from core.jobs.context import TaskContext
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.model_record import model_feature_key
from core.sorting.desk import newest_model


def run_look_task(context: TaskContext) -> None:
    """Have the features of the default backbone in the cache.

    Raises:
        UnknownDatasetError: no such dataset, or it is in the trash.
        ArtefactMissingError: the default backbone has not been prepared yet.
        ArtefactDamagedError: what was prepared is not whole any more.
        TaskCancelledError: somebody asked to stop; what was computed is kept.
    """
    settings = context.settings
    artefact = load_artefact(find_backbone(settings.default_backbone), settings)
    _look(context, Embedder.of_artefact(artefact, settings))


def run_model_look_task(context: TaskContext) -> None:
    """Have the features that the newest model of the dataset starts from in the cache.

    Raises:
        DatasetError: the dataset has no model.
        RunFileError: a file of the model is missing or damaged.
        UnknownDatasetError, ArtefactMissingError, ArtefactDamagedError, TaskCancelledError: as `run_look_task`.
    """
    run = newest_model(RunLibrary(context.database), int(context.payload["dataset_id"]))
    if run is None:
        raise DatasetError("This dataset has no model any more. Train one, or let the examples in the classes decide.")
    record = read_model_record(RunFolder(context.settings, run.id))
    classifier = ClassifierCache(context.settings).get_trained(run.id)
    _look(context, classifier.embedder(model_feature_key(record)))


def _look(context: TaskContext, embedder: Embedder) -> None:
    dataset_id, settings = int(context.payload["dataset_id"]), context.settings
    context.report(0.0, "Looking up the photos")
    library, cache = Library(context.database), FeatureCache(settings)
    library.datasets.get(dataset_id)
    hashes = sorted({image.photo_hash for image in library.images.of(dataset_id)})
    missing = cache.missing(*embedder.key, hashes)
    photos = library.photos.get(missing)
    store = PhotoStore.of(settings)
    wanted = [photos[photo_hash] for photo_hash in missing if photo_hash in photos]
    for number, _ in enumerate(compute_features(wanted, store, embedder, cache), start=1):
        context.check_cancelled()
        context.report(number / len(wanted), f"Looked at {number:,} of {len(wanted):,} photos")
    context.report(1.0, "Looked at all photos")
