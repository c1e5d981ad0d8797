"""What a result is worth beside guessing, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from core.errors import RunFileError, StorageError
from core.evaluation.answers import read_answers
from core.evaluation.guessing import Standing, Worth, weigh
from core.evaluation.metrics import confusion_matrix
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.services import Services
from core.settings import Settings
from core.storage.kept import FileMark, file_mark
from pages.words.wording import count, range_text, share_text

_MAX_KEPT = 1_000  # runs; each a few numbers and the names of its classes

# In lists and tables: a mark, and words that are no class's name.
SHORT: Mapping[Standing, str] = MappingProxyType(
    {
        Standing.BETTER: "✓ better than guessing",
        Standing.LARGEST_CLASS: "≈ as by always the same answer",
        Standing.TOO_FEW: "? too few photos to tell it from guessing",
        Standing.GUESSING: "≈ no better than guessing",
        Standing.ONE_ANSWER: "✗ says the same to every photo",
        Standing.ONE_CLASS: "? judged by a single class",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What the result of a run is worth."""

    worth: Worth
    class_names: tuple[str, ...]

    @property
    def title(self) -> str:
        """It in a few words; plain text."""
        worth, largest = self.worth, self._name(self.worth.largest_class)
        match worth.standing:
            case Standing.ONE_ANSWER:
                return f"It says {self._name(worth.only_answer or 0)} to every photo"
            case Standing.ONE_CLASS:
                return f"All photos that judge it are {largest}"
            case Standing.TOO_FEW:
                return "Too few photos to tell it from guessing"
            case Standing.LARGEST_CLASS:
                return f"Always answering {largest} would be right as often"
            case _:
                return "It cannot be told from guessing"

    @property
    def sentence(self) -> str:
        """The figures behind it; plain text."""
        worth, largest = self.worth, self._name(self.worth.largest_class)
        right = f"Right on {worth.num_correct:,} of {count(worth.num_photos, 'photo')}"
        share = share_text(worth.num_correct / worth.num_photos)
        plausible = f"{share}, plausibly {range_text(worth.low, worth.high)}"
        always = f"Whoever always answers {largest} is right on {worth.num_of_largest:,}"
        match worth.standing:
            case Standing.ONE_ANSWER:
                return f"{right} ({plausible}): those that are. It has not learned to tell the classes apart."
            case Standing.ONE_CLASS:
                return f"{right}. Whether it tells the classes apart, only photos of the others could show."
            case Standing.TOO_FEW:
                return f"{right} ({plausible}). {always}; with so few photos the lead may be luck."
            case Standing.LARGEST_CLASS:
                return (
                    f"{right} ({plausible}). {always}. Still, its answers follow the photos: see each class by itself."
                )
            case _:
                return f"{right} ({plausible}). {always}."

    def _name(self, index: int) -> str:
        return f"“{self.class_names[index]}”"


def weigh_run(view: RunView, services: Services) -> Weighed | None:
    """What a finished run's result on the photos that tell most is worth; None where there is none, or it is lost."""
    if view.status is not RunStatus.DONE:
        return None
    mark = file_mark(RunFolder(services.settings, view.id).predictions_path)
    return None if mark is None else _weigh(services.settings, view.id, mark)


@lru_cache(maxsize=_MAX_KEPT)
def _weigh(settings: Settings, run_id: int, _mark: FileMark) -> Weighed | None:
    """The same for as long as the file has the same size and date."""
    try:
        answers = read_answers(RunFolder(settings, run_id))
    except (RunFileError, StorageError):
        return None  # told on the results page
    judged = answers.judged
    if not len(judged):
        return None
    confusion = confusion_matrix(judged.class_indices, judged.predicted, num_classes=len(answers.class_names))
    return Weighed(worth=weigh(confusion), class_names=answers.class_names)


def caution(view: RunView, services: Services) -> str:
    """A word of warning for lists of runs; nothing where a result is better than guessing, or not known."""
    weighed = weigh_run(view, services)
    return "" if weighed is None or weighed.worth.is_better else SHORT[weighed.worth.standing]
