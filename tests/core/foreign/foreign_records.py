"""What is known of a model from elsewhere that is nowhere."""

from core.foreign.records import AnswerForm, ForeignRecord, Guess, Trial
from core.foreign.scaling import Scaling

FOREIGN_RECORD = ForeignRecord(
    trial=Trial(
        image_size=(64, 64),
        dtype="float32",
        quantisation=(0.0, 0),
        num_outputs=2,
        output_position=0,
        answers=AnswerForm.PROBABILITIES,
        milliseconds=1.0,
    ),
    guess=Guess(scaling=Scaling.UNIT, reason="It is a guess.", is_certain=False),
    scaling=Scaling.UNIT,
    fit_mode="crop",
    crop_fraction=1.0,
    file_name="birds.tflite",
    digest="0" * 64,
    num_bytes=10,
)
