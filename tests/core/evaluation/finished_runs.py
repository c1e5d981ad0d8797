"""Finished runs, made in a moment: real features, a head by scikit-learn, and the files that a training leaves."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.backbones.catalog import find_backbone
from core.datasets.library import Library
from core.datasets.records import NewImage, SnapshotView, Split
from core.datasets.snapshots import take_snapshot
from core.features.cache import FeatureCache
from core.features.embedding import compute_features
from core.features.key import feature_key
from core.inference.classifier_cache import ClassifierCache
from core.inference.head import Head
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.photos.fit import TRAINED_CROP_FRACTION
from core.photos.store import PhotoStore, encode_photo
from core.runs.desk import examination_key
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS
from tests.core.inference.model_samples import record_for, write_model
from tests.core.runs.run_samples import config


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A photo on its way into a dataset."""

    data: bytes
    class_name: str
    split: Split


def finished_run(settings: Settings, name: str, photos: Sequence[Labelled]) -> tuple[int, dict[int, str]]:
    """A run of a head on the default backbone; its number, and the photos' hashes by their place in `photos`."""
    store = PhotoStore(settings.photos_path, settings.cache_path)
    stored = [encode_photo(photo.data, f"{number}.jpg") for number, photo in enumerate(photos)]
    images = []
    for photo, kept in zip(photos, stored, strict=True):
        store.put(kept)
        images.append(NewImage(photo=kept.record, class_name=photo.class_name, name="photo", split=photo.split))
    with closing(open_database(settings)) as database:
        library, runs = Library(database), RunLibrary(database)
        dataset_id = library.datasets.create(name).id
        library.images.add(dataset_id, images)
        snapshot = take_snapshot(database, dataset_id)
        made = config(snapshot.hash, "EfficientNetLite0")
        run_id = runs.create_run(made, name=name, dataset_id=dataset_id).id
        records = library.photos.get({kept.record.hash for kept in stored})
        backbone = ClassifierCache(settings).get(find_backbone("EfficientNetLite0"))
        record = record_for(backbone, snapshot.class_names, crop_fraction=TRAINED_CROP_FRACTION, fingerprint=name)
        folder = RunFolder(settings, run_id)
        # A head that knows nothing, for what the network makes of the photos.
        width = backbone.engine.feature_map_shape[-1]
        num_classes = len(record.class_names)
        write_model(folder, record, Head((np.zeros((width, num_classes), np.float32),), (np.zeros(num_classes),)))
        model = ClassifierCache(settings).get_trained(run_id)
        key = feature_key(backbone.record.fingerprint, record.fit_mode, TRAINED_CROP_FRACTION)
        features = dict(compute_features(records.values(), store, model.embedder(key), FeatureCache(settings)))
        _write(folder, snapshot, features, record)
        runs.set_finished(run_id, {})
    return run_id, {number: kept.record.hash for number, kept in enumerate(stored)}


def _write(folder: RunFolder, snapshot: SnapshotView, features: dict[str, Any], record: Any) -> None:
    """The files of the model and what it says to the photos that were kept back."""
    split_of = {}
    for split in Split:
        images = [image for image in snapshot.images if image.split is split]
        values = np.array([features[image.photo_hash] for image in images])
        split_of[split] = images, values, np.array([image.class_index for image in images], np.int64)
    _, values, classes = split_of[Split.TRAIN]
    head = fitted_head(values, classes)
    write_model(folder, record, head)
    arrays: dict[str, Any] = {}
    for split in (Split.VALIDATION, Split.TEST):
        images, values, classes = split_of[split]
        answers = head.probabilities(values) if images else np.empty((0, len(record.class_names)), np.float32)
        arrays[f"{split}_hashes"] = np.array([image.photo_hash for image in images], "U64")
        arrays[f"{split}_classes"], arrays[f"{split}_probabilities"] = classes, answers
    np.savez(folder.predictions_path, **arrays)
    folder.write_json(folder.report_path, {"class_names": list(record.class_names)})


def fitted_head(features: np.ndarray, classes: np.ndarray) -> Head:
    """A linear head with an output for each class, fitted by logistic regression."""
    scaler, model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)).fit(features, classes)
    kernel, bias = model.coef_.T / scaler.scale_[:, None], model.intercept_
    bias = bias - scaler.mean_ @ kernel
    if kernel.shape[1] == 1:  # two classes
        kernel, bias = np.hstack([-kernel / 2, kernel / 2]), np.concatenate([-bias / 2, bias / 2])
    return Head((kernel.astype(np.float32),), (bias.astype(np.float32),))


@contextmanager
def begun_examination(settings: Settings, run_id: int) -> Iterator[TaskContext]:
    """The context that a worker would give the handler."""
    with closing(open_database(settings)) as database:
        queue = TaskQueue(database, TASK_KINDS)
        queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.PHOTOS)
        task_id = queue.submit("examine_run", {"run_id": run_id}, key=examination_key(run_id))
        task = queue.claim("w1", ["examine_run"])
        assert task is not None
        status = TaskStatus.FAILED
        try:
            yield TaskContext(queue, settings, task)
            status = TaskStatus.DONE
        finally:
            queue.finish(task_id, "w1", status=status)


def copied_run(settings: Settings, run_id: int, name: str) -> RunFolder:
    """Another run with the same model, as who was handed it has it; nobody has looked at that one."""
    with closing(open_database(settings)) as database:
        runs = RunLibrary(database)
        view = runs.get_run(run_id)
        copy_id = runs.create_run(view.config, name=name, dataset_id=view.dataset_id).id
        runs.set_finished(copy_id, {})
    source, folder = RunFolder(settings, run_id), RunFolder(settings, copy_id)
    shutil.copytree(source.path, folder.path, dirs_exist_ok=True)
    for path in (folder.examination_path, folder.reference_path, folder.decision_path):
        path.unlink(missing_ok=True)
    return folder
