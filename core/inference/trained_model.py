"""Where the model of a finished run is and what it answers with, without Keras.

A head on a frozen backbone needs that backbone's artefact, which is in the cache and may be deleted at any time. What
can answer, best first:

1. the artefact that the head was trained on;
2. `model.tflite` in the run's folder, which packaging makes of backbone and head;
3. an artefact of the same backbone that was prepared later, perhaps by another version of Bluetit: artefacts are only
   accepted when they answer as the same Keras network does, so its features are the same.

Every other model has `model.tflite` and needs nothing else.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from core.backbones.artefacts import Artefact, artefact_place, find_artefact, load_artefact, open_artefact
from core.backbones.catalog import Backbone, find_backbone
from core.errors import ArtefactDamagedError, ArtefactMissingError, RunFileError, UnknownBackboneError
from core.inference.head import Head, read_head
from core.litert.engine import Engine
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A run's model, found on disk."""

    record: ModelRecord
    network_path: Path  # LiteRT file
    head: Head | None  # on top of the network's features; None: the network has probabilities of its own
    # What makes logits of the network's features, whoever computes them, for heat maps; None: from scratch, or lost.
    heat_head: Head | None

    def check(self, engine: Engine) -> None:
        """Make sure that the loaded network is one that this model can answer with.

        Raises:
            RunFileError: it takes other photos, has other features, or another number of classes.
        """
        record, channels = self.record, engine.feature_map_shape[-1]
        is_fitting = engine.image_size == record.image_size
        if self.head is None:
            is_fitting = is_fitting and engine.num_classes == len(record.class_names)
        if self.heat_head is not None:
            is_fitting = is_fitting and self.heat_head.num_features == channels
            is_fitting = is_fitting and self.heat_head.num_classes == len(record.class_names)
        if not is_fitting:
            raise RunFileError(
                f"The network {self.network_path} takes {engine.image_size[0]}×{engine.image_size[1]} pixels and has "
                f"{channels} features and {engine.num_classes} classes, which does not fit the description of the "
                "model. Train again."
            )


def read_model_record(folder: RunFolder) -> ModelRecord:
    """The description of a run's model.

    Raises:
        RunFileError: it is missing or damaged.
        StorageError: it cannot be read.
    """
    record = folder.read_record(folder.model_record_path, ModelRecord)
    if len(record.class_names) < 2 or not record.fingerprint:
        raise RunFileError(
            f"The file {folder.model_record_path} is damaged: it needs two classes and a fingerprint. Train again."
        )
    return record


def find_trained_model(folder: RunFolder, settings: Settings) -> TrainedModel:
    """The model of a run, as far as reading its description, head and artefact tells.

    Raises:
        RunFileError: a file of the run is missing or damaged.
        ArtefactMissingError: the model needs its backbone's artefact, which is not there; preparing the backbone
            again, or packaging the model, makes it answer.
        ArtefactDamagedError: likewise, but the artefact was changed or cut off.
        StorageError: a file cannot be read.
    """
    record = read_model_record(folder)
    if record.artefact is None:
        if not folder.litert_path.is_file():
            raise RunFileError(
                f"The file {folder.litert_path} is missing: the model cannot answer without it. Package the model "
                "again, or train again."
            )
        return _whole(folder, record)
    try:
        return _on_artefact(folder, record, open_artefact(artefact_place(record.artefact, settings)))
    except (ArtefactMissingError, ArtefactDamagedError) as exc:
        if folder.litert_path.is_file():
            return _whole(folder, record)
        successor = _successor(record, settings)
        if successor is None:
            raise type(exc)(
                f"The model needs the prepared network that it was trained on. {exc} Packaging the model helps, too: "
                "then it needs no prepared network any more."
            ) from exc
        return _on_artefact(folder, record, successor)


def backbone_to_prepare(record: ModelRecord) -> Backbone | None:
    """The backbone of the catalogue whose artefact a model's head needs; None where none would help it."""
    if record.artefact is None:
        return None
    try:
        backbone = find_backbone(record.backbone)
    except UnknownBackboneError:
        return None  # a module of TensorFlow Hub
    return backbone if backbone.image_size == record.image_size else None


def _on_artefact(folder: RunFolder, record: ModelRecord, artefact: Artefact) -> TrainedModel:
    head = read_head(folder.head_path)
    if head.num_classes != len(record.class_names):
        raise RunFileError(
            f"The head in {folder.head_path} has {head.num_classes} classes, the description of the model "
            f"{len(record.class_names)}. Train again."
        )
    return TrainedModel(record=record, network_path=artefact.model_path, head=head, heat_head=head)


def _whole(folder: RunFolder, record: ModelRecord) -> TrainedModel:
    # A network from scratch has no such head, and a fine-tuned one need not come with it: then heat is measured.
    heat_head = read_head(folder.head_path) if folder.head_path.is_file() else None
    return TrainedModel(record=record, network_path=folder.litert_path, head=None, heat_head=heat_head)


def _successor(record: ModelRecord, settings: Settings) -> Artefact | None:
    """What the backbone's artefact is now, if it is there and whole."""
    try:
        backbone = replace(find_backbone(record.backbone), image_size=record.image_size)
        return load_artefact(backbone, settings) if find_artefact(backbone, settings) else None
    except (UnknownBackboneError, ArtefactMissingError, ArtefactDamagedError):
        return None
