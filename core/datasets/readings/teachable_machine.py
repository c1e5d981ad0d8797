"""What Teachable Machine hands out: samples of a class (`Name-samples.zip`), a project (`.tm`), a model.

Source: https://teachablemachine.withgoogle.com/train/image
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.datasets.readings.listing import ListedFile, Listing
from core.datasets.readings.reading import Placement, Reading
from core.datasets.readings.tree import LocatedPhoto

SAMPLES_ENDING = "-samples"
MANIFEST_NAMES = ("manifest.json", "project.json")
_CERTAIN = 0.95
# Files of which at least one is in every model: of Teachable Machine, and of Keras, TensorFlow and ONNX alike.
_MODEL_NAMES = frozenset(
    ("keras_model.h5", "saved_model.pb", "model.json", "weights.bin", "vww_96_grayscale_quantized.tflite")
)
_MODEL_ENDINGS = (".h5", ".keras", ".tflite", ".onnx", ".pb", ".pt", ".pth", ".mlmodel")
MODEL_REFUSAL = (
    "This is a trained model ({}), not photos. To import the photos that it was trained with, take them from where it "
    "was made: in Teachable Machine the three dots of each class, “Download samples”."
)


def model_refusal(listing: Listing) -> str | None:
    """Why nothing can be imported of files that are a model and no photos; None if they are something else."""
    if listing.photos:
        return None
    names = [file.name for file in listing.beside]
    found = [name for name in names if name.casefold() in _MODEL_NAMES or name.casefold().endswith(_MODEL_ENDINGS)]
    return MODEL_REFUSAL.format(found[0]) if found else None


def without_samples_ending(reading: Reading) -> Reading:
    """Classes named like the files of samples, with the names that they had: `St. Bernard-samples` is `St. Bernard`."""
    names = reading.class_names
    if not names or not all(
        name.casefold().endswith(SAMPLES_ENDING) and len(name) > len(SAMPLES_ENDING) for name in names
    ):
        return reading
    placements = {
        path: replace(placement, class_name=placement.class_name[: -len(SAMPLES_ENDING)].strip())
        for path, placement in reading.placements.items()
    }
    return replace(reading, placements=placements)


def read_project(
    located: Sequence[LocatedPhoto], beside: Sequence[ListedFile], contents: Mapping[str, bytes]
) -> Reading | None:
    """The classes that a project's manifest lists; None without one.

    Args:
        located: the photos.
        beside: the files that are none.
        contents: of the manifest, by path.
    """
    for file in beside:
        classes = _listed_classes(contents.get(file.path, b"")) if file.name.casefold() in MANIFEST_NAMES else {}
        placements = {
            photo.path: Placement(classes[photo.file.name], photo.role.as_split if photo.role else None)
            for photo in located
            if photo.file.name in classes
        }
        if placements:
            reason = f"{file.name} lists it in no class."
            return Reading(
                key="project",
                title="The classes of the project",
                explanation=f"{file.name} lists the classes of a Teachable Machine project with their photos.",
                placements=placements,
                left_out={photo.path: reason for photo in located if photo.path not in placements},
                plausibility=_CERTAIN,
                used_beside=frozenset((file.path,)),
            )
    return None


def _listed_classes(content: bytes) -> dict[str, str]:
    """File name to class."""
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    listed = manifest.get("classes") if isinstance(manifest, dict) else None
    found: dict[str, str] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("samples"), list):
            found.update({str(sample).rpartition("/")[2]: each["name"] for sample in each["samples"]})
    return found
