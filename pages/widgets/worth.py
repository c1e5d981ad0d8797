"""What a result is worth beside guessing, in words, with what may be behind it and the way to mend that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import streamlit as st

from core.datasets.snapshots import load_snapshot
from core.errors import ConfigError, RunFileError, StorageError, UnknownDatasetError
from core.evaluation.answers import read_answers
from core.evaluation.guessing import Standing, Worth, weigh
from core.evaluation.metrics import confusion_matrix
from core.evaluation.reasons import Circumstances, Reason, ReasonKind, likely_reasons
from core.runs.folder import RunFolder
from core.runs.nature import WHOLE_PHOTO
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.findings import mirrored_classes
from pages.widgets.remembered import remembered
from pages.words.wording import count, plain, range_text, share_text

_MAX_KEPT = 200  # runs
_REASONS, _MIRRORED = "worth.reasons", "worth.mirrored"

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
    folder = RunFolder(services.settings, view.id)
    try:
        facts = folder.predictions_path.stat()
    except OSError:
        return None
    return _kept(str(folder.predictions_path), (facts.st_size, facts.st_mtime_ns), folder)


@st.cache_resource(max_entries=_MAX_KEPT, show_spinner=False)
def _kept(path: str, signature: tuple[int, int], _folder: RunFolder) -> Weighed | None:
    """Shared by all visitors; the path, size and date of the file are the key."""
    try:
        answers = read_answers(_folder)
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


# --- what may be behind it -------------------------------------------------------------------------------


def find_reasons(view: RunView, worth: Worth, services: Services) -> list[Reason]:
    """What may be behind a result that is no better than guessing, as far as it is known."""
    if worth.is_better:
        return []

    def find() -> list[Reason]:
        known = _circumstances(view, services)
        return [] if known is None else likely_reasons(worth, known)

    return remembered(_REASONS, (view.id, worth, _mirrored(view, services)), find)


def _circumstances(view: RunView, services: Services) -> Circumstances | None:
    try:
        snapshot, config = load_snapshot(services.database, view.snapshot_hash), view.config
    except (UnknownDatasetError, ConfigError):
        return None  # made by another version, or its photos are forgotten: nothing is known
    return Circumstances(
        snapshot=snapshot,
        photos=services.library.photos.get({image.photo_hash for image in snapshot.images}),
        config=config,
        mirrored_classes=tuple(name for name in _mirrored(view, services) if name in snapshot.class_names),
    )


def _mirrored(view: RunView, services: Services) -> tuple[str, ...]:
    return () if view.dataset_id is None else mirrored_classes(view.dataset_id, services)


def trained_with_mirroring(view: RunView, services: Services) -> tuple[str, ...]:
    """Classes that are mirror images of each other, where a run was trained with mirroring on all the same."""
    augment = view.config_values.get("augment") or {}
    return _mirrored(view, services) if augment.get("flip") else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What can be done about a reason."""

    label: str
    icon: str
    section: str = ""  # of the dataset page
    changes: Mapping[str, Any] = field(default_factory=dict)  # settings of a new run, by name
    is_fine_tuned: bool = False  # whether the new run adjusts the network itself


_CHECK = Mending(label="See what was found", icon="troubleshoot", section="Check")
_PHOTOS = Mending(label="Look at the photos", icon="photo_library", section="Photos")
_SPLIT = Mending(label="Split the photos", icon="call_split", section="Split")

MENDINGS: Mapping[ReasonKind, Mending] = MappingProxyType(
    {
        ReasonKind.PHOTOS: _PHOTOS,
        ReasonKind.CUT_OFF: Mending(
            label="Train again with the whole photo", icon="fit_screen", changes={"fit_mode": WHOLE_PHOTO}
        ),
        ReasonKind.MIRRORING: Mending(
            label="Train again with mirroring off", icon="flip", changes={"augment.flip": False}
        ),
        ReasonKind.MIRRORED: Mending(label="Adjust the network itself", icon="tune", is_fine_tuned=True),
        ReasonKind.IN_TWO_CLASSES: _CHECK,
        ReasonKind.UNTRAINED: _SPLIT,
        ReasonKind.IMBALANCE: Mending(
            label="Let rare classes count more", icon="balance", changes={"has_class_weights": True}
        ),
        ReasonKind.TOO_FEW: _SPLIT,
    }
)

NO_REASON = (
    "Nothing is known that would explain it. Could a person who sees only these photos, as small squares, tell the "
    "classes apart?"
)


def render_place(mending: Mending, view: RunView) -> None:
    """The way to the section of the dataset where a reason can be mended; nothing where the dataset is gone."""
    if view.dataset_id is not None:
        links.render_link(
            links.dataset(view.dataset_id, mending.section),
            mending.label,
            icon=f":material/{mending.icon}:",
        )


def reason_markdown(reason: Reason) -> str:
    """A reason with its mark."""
    return f":orange[:material/lightbulb:] {plain(reason.text)}"
