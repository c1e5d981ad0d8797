"""Runs whose models really answer, with photos that are really there."""

from collections.abc import Sequence

import numpy as np

from core.datasets.records import NewImage, Split
from core.inference.classifier import Classifier
from core.photos.store import encode_photo
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services
from tests.core.datasets.library_samples import photo_hash
from tests.core.inference.model_samples import SAMPLES, head_for_samples, record_for, write_model
from tests.pages.written_runs import Asked, make_dataset, sure_of, write_answers, write_run


def write_real_run(services: Services, classifier: Classifier, name: str, numbers: Sequence[int]) -> RunView:
    """A run whose model knows the first sample photo as a cat and the second as a goldfish; these judge it."""
    photos = {number: encode_photo(SAMPLES[number], "sample") for number in numbers}
    for photo in photos.values():
        services.photo_store.put(photo)
    said = [Asked(number=number, class_index=number, probabilities=sure_of(number)) for number in numbers]
    dataset = make_dataset(services, ("cat", "goldfish"), [], name=name)
    services.library.images.add(
        dataset,
        [
            NewImage(photo=photo.record, class_name=("cat", "goldfish")[number], name="sample", split=Split.TEST)
            for number, photo in photos.items()
        ],
    )
    run = write_run(services, dataset, said, name=name)
    folder = RunFolder(services.settings, run.id)
    write_answers(folder, ("cat", "goldfish"), said)
    real = {photo_hash(number): photo.record.hash for number, photo in photos.items()}
    with np.load(folder.predictions_path) as arrays:
        values = dict(arrays)
    values["test_hashes"] = np.array([real[each] for each in values["test_hashes"]])
    np.savez(folder.predictions_path, **values)
    record = record_for(classifier, ("cat", "goldfish"), fingerprint=f"{run.id:016x}")
    write_model(folder, record, head_for_samples(classifier, 2))
    return run
