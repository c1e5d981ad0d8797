"""Runs that are written directly, as if they had been trained: the test says what their models answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.config import AugmentConfig
from core.datasets.records import NewImage, Split
from core.datasets.snapshots import take_snapshot
from core.evaluation.examination import ClassShortcut, CurvePoint, Examination, Neighbour, Suspect
from core.evaluation.statistics import wilson_interval
from core.recipes import RECIPES
from core.runs.begin import NO_SNAPSHOT
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.runs.records import RunView
from core.runs.story import Outcome, Score
from core.services import Services
from tests.core.datasets.library_samples import photo, photo_hash

FINGERPRINT = "ab" * 8


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A photo that was held back, and what the model says to it."""

    number: int  # of the photo, see `library_samples`
    class_index: int
    probabilities: Sequence[float]
    split: Split = Split.TEST


def sure_of(class_index: int, probability: float = 0.9, num_classes: int = 2) -> list[float]:
    """Probabilities of a model that is so sure of one class and shares out the rest."""
    rest = (1 - probability) / (num_classes - 1)
    return [probability if index == class_index else rest for index in range(num_classes)]


def make_dataset(
    services: Services,
    class_names: Sequence[str],
    asked: Sequence[Asked],
    *,
    num_train: int = 6,
    name: str = "Birds",
    size: tuple[int, int] = (640, 480),
) -> int:
    """A dataset of photos that are only named: those asked about, and some of each class to learn from."""
    library = services.library
    dataset = library.datasets.create(library.datasets.free_name(name), class_names)
    images = [
        NewImage(
            photo=photo(each.number),
            class_name=class_names[each.class_index],
            name=f"{each.number}.jpg",
            split=each.split,
        )
        for each in asked
    ]
    images += [
        NewImage(photo=photo(number), class_name=class_name, name=f"{number}.jpg", split=Split.TRAIN)
        for index, class_name in enumerate(class_names)
        for number in train_numbers(index, num_train)
    ]
    shaped = [replace(each, photo=replace(each.photo, width=size[0], height=size[1])) for each in images]
    library.images.add(dataset.id, shaped)
    return dataset.id


def train_numbers(class_index: int, num_train: int = 6) -> range:
    """Numbers of the photos of a class that are learned from."""
    return range(1_000_000 + 1000 * class_index, 1_000_000 + 1000 * class_index + num_train)


def write_run(
    services: Services,
    dataset_id: int,
    asked: Sequence[Asked],
    *,
    name: str | None = None,
    parent_id: int | None = None,
    augment: AugmentConfig | None = None,
) -> RunView:
    """A run that is done, with the dataset as it is now, and these answers."""
    snapshot = take_snapshot(services.database, dataset_id)
    recipe = RECIPES["quick"].config(NO_SNAPSHOT, backbone="EfficientNetLite0", num_layers=141)
    config = replace(recipe, snapshot=snapshot.hash, augment=augment)
    view = services.runs.create_run(config, name=name, recipe="quick", dataset_id=dataset_id, parent_id=parent_id)
    folder = RunFolder(services.settings, view.id)
    folder.create()
    write_answers(folder, snapshot.class_names, asked)
    record = ModelRecord(
        class_names=snapshot.class_names,
        image_size=(224, 224),
        fit_mode="crop",
        crop_fraction=1.0,
        artefact="none-such",
        fingerprint=FINGERPRINT,
        backbone="EfficientNetLite0",
        has_linear_head=True,
    )
    folder.write_json(folder.model_record_path, record.to_json())
    environment = {"bluetit": "0.1.0", "packages": {"keras": "3.15.1"}, "seed": 7, "device": "CPU, 2 cores"}
    folder.write_json(folder.environment_path, environment)
    services.runs.set_started(view.id)
    services.runs.set_finished(view.id, outcome_of(asked, len(snapshot.class_names)).to_json())
    return services.runs.get_run(view.id)


def write_answers(folder: RunFolder, class_names: Sequence[str], asked: Sequence[Asked]) -> None:
    """The report and the predictions of a run."""
    folder.write_json(folder.report_path, {"class_names": list(class_names)})
    arrays: dict[str, npt.NDArray] = {}
    for split in (Split.VALIDATION, Split.TEST):
        chosen = [each for each in asked if each.split is split]
        arrays[f"{split}_hashes"] = np.array([photo_hash(each.number) for each in chosen], dtype="U64")
        arrays[f"{split}_classes"] = np.array([each.class_index for each in chosen], np.int64)
        probabilities = np.array([each.probabilities for each in chosen], np.float32)
        arrays[f"{split}_probabilities"] = probabilities.reshape(-1, len(class_names))
    np.savez(folder.predictions_path, **arrays)


def write_examination(services: Services, view: RunView, asked: Sequence[Asked], *, num_classes: int = 2) -> None:
    """A closer look at the model: one doubtful label, one shortcut, a curve that rises."""
    near = tuple(
        Neighbour(photo_hash=photo_hash(train_numbers(index)[0]), class_index=index, distance=0.1 + index)
        for index in range(2)
    )
    hashes = [photo_hash(each.number) for each in asked]
    doubtful = photo_hash(train_numbers(1)[0])
    examination = Examination(
        fingerprint=FINGERPRINT,
        temperature=1.0,
        distances=dict.fromkeys(hashes, 0.1),
        neighbours=dict.fromkeys(hashes, near),
        suspects=(
            Suspect(photo_hash=doubtful, class_index=1, suggested_index=0, quality=0.03, is_flagged=True),
            Suspect(
                photo_hash=photo_hash(train_numbers(0)[1]),
                class_index=0,
                suggested_index=1,
                quality=0.3,
                is_flagged=False,
            ),
        ),
        learning_curve=tuple(
            CurvePoint(share=share, num_photos=int(12 * share), mean=0.6 + 0.3 * share, low=0.5, high=0.95)
            for share in (0.25, 0.5, 0.75, 1.0)
        ),
        shortcuts=(
            ClassShortcut(
                class_index=num_classes - 1,
                num_photos=3,
                survives_without_warmest=0.25,
                survives_only_warmest=0.9,
                same_place=0.8,
                place=(0.9, 0.1),
                is_suspected=True,
                examples=tuple(hashes[:2]),
            ),
        ),
        skipped=("The photos of one class were too few.",),
        seconds=2.0,
    )
    folder = RunFolder(services.settings, view.id)
    folder.write_json(folder.examination_path, examination.to_json())


def outcome_of(asked: Sequence[Asked], num_classes: int) -> Outcome:
    scores = {split: _score([each for each in asked if each.split is split]) for split in Split}
    return Outcome(
        num_epochs=12,
        best_epoch=9,
        fine_tuning_from=None,
        is_stopped=False,
        validation=scores[Split.VALIDATION],
        test=scores[Split.TEST],
        num_train_photos=12,
        num_computed=12,
        num_classes=num_classes,
        num_parameters=3_415_586,
        num_trained_parameters=2_562,
        model_bytes=17_400_000,
        milliseconds_per_photo=5.6,
        device="CPU, 2 cores",
        seconds={"features": 7.0, "head": 2.0, "total": 9.5},
        finetune_epoch_seconds=None,
    )


def _score(asked: Sequence[Asked]) -> dict | None:
    if not asked:
        return None
    num_correct = sum(int(np.argmax(each.probabilities)) == each.class_index for each in asked)
    low, high = wilson_interval(num_correct, len(asked))
    score = Score(num_photos=len(asked), num_correct=num_correct, accuracy=num_correct / len(asked), low=low, high=high)
    return score.to_json()
