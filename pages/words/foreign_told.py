"""Models from elsewhere, in words."""

from core.foreign.records import ForeignModelView, Origin
from core.foreign.scaling import Scaling
from core.photos.fit import FitMode

ORIGIN_WORDS = {
    Origin.TEACHABLE_MACHINE: "Teachable Machine",
    Origin.BLUETIT: "another Bluetit",
    Origin.LOBE: "Lobe",
    Origin.MEDIAPIPE: "a LiteRT file with its labels inside",
    Origin.KERAS: "Keras",
    Origin.LITERT: "a LiteRT file",
}
# What a pixel, 0-255, becomes; the term of the field is in the help beside it.
SCALING_WORDS = {
    Scaling.BYTES: "0 to 255",
    Scaling.UNIT: "0 to 1",
    Scaling.SIGNED: "−1 to 1",
    Scaling.TORCH: "ImageNet's mean and spread",
    Scaling.CAFFE: "blue-green-red, less the mean",
}
FIT_WORDS = {
    FitMode.CROP: "the largest square in the middle",
    FitMode.LETTERBOX: "all of it, with grey bars",
    FitMode.SQUASH: "all of it, squeezed into a square",
}
ACCEPT_WORDS = (
    "I know and trust whoever made this file. I know that old Keras files (.h5) "
    "can carry programs, and that the library "
    "which reads them has had holes."
)


def scaling_sentence(model: ForeignModelView) -> str:
    """How the pixels are scaled for a model, and why; plain text."""
    record = model.record
    words = SCALING_WORDS[record.scaling]
    if record.scaling is not record.guess.scaling:
        return f"Pixels go in as {words}, as you chose; Bluetit took {SCALING_WORDS[record.guess.scaling]} for right."
    how = "" if record.guess.is_certain else " This is a guess: look below whether its answers make sense."
    return f"Pixels go in as {words}. {record.guess.reason}{how}"
