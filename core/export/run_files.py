"""The whole model as files in the run's folder: one row for each, read by packaging, downloads and pages.

They are the run's own: the model answers by them where its backbone's artefact is gone, and their probabilities are not
calibrated yet. What people take away, calibrated and proven, is in `core.export.formats`.

A new file is a row here and its converter, two functions in a module of `core.packaging`:

    write(whole: WholeModel, target: Path) -> None
    answer(path: Path, squares, *, is_program: bool) -> probabilities, float32 (photos, classes)

The LiteRT file of a head on a frozen network is written without its converter, and compared like the others.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """One file: where it is, who makes it, how it is proven, and what is told about it."""

    name: str  # in addresses and in `package.json`
    title: str  # for people
    file_name: str  # in the run's folder; a run that answers by this very file has it already
    converter: str  # module with `write` and `answer`; imported in the worker only: it may need TensorFlow
    making: str  # what is being done while it is made, for people
    explanation: str  # what it is good for
    # Of the probabilities of the model and of the file, loaded again by its own runtime: the largest difference, 0-1.
    max_difference: float
    is_refused: bool  # whether a file that differs more is thrown away, or kept with a warning
    max_compared: int  # photos; more would tell little and take long
    # What the comparison found, for people; with {difference} in points, {answers} and {photos}.
    finding: str

    @property
    def suffix(self) -> str:
        """Ending of the file's name."""
        return self.file_name[self.file_name.index(".") :]


RUN_FILES = (
    RunFile(
        name="keras",
        title="Keras",
        file_name="model.keras",
        converter="core.packaging.keras_file",
        making="Saving it for Keras and loading it again",
        explanation="The whole model, to go on with in Python.",
        max_difference=0.0,  # the same weights in the same layers
        is_refused=True,
        max_compared=32,
        finding="Saved, reloaded and asked again: {difference}.",
    ),
    RunFile(
        name="litert",
        title="LiteRT",
        file_name="model.tflite",
        converter="core.packaging.litert_file",
        making="Making the version for LiteRT",
        explanation="The whole model for phones and small computers.",
        max_difference=1e-3,  # rounding of float32 through a hundred layers makes 1e-5, seldom more
        is_refused=False,
        max_compared=200,
        finding="LiteRT beside Keras on {photos} photos: {answers}, probabilities differ by at most {difference}.",
    ),
)


def find_run_file(name: str) -> RunFile:
    """The row with this name.

    Raises:
        KeyError: there is none.
    """
    return {row.name: row for row in RUN_FILES}[name]
