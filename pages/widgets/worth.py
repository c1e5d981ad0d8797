"""What may be behind a result that is no better than guessing, and the way to mend that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core.datasets.snapshots import load_snapshot
from core.errors import ConfigError, UnknownDatasetError
from core.evaluation.guessing import Worth
from core.evaluation.reasons import Circumstances, Reason, ReasonKind, likely_reasons
from core.runs.nature import WHOLE_PHOTO
from core.runs.records import RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.findings import mirrored_classes
from pages.widgets.remembered import remembered
from pages.words.wording import plain

_REASONS = "worth.reasons"


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
    has_mirroring = augment.get("flip") or view.config_values.get("averages_flips")
    return _mirrored(view, services) if has_mirroring else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What can be done about a reason."""

    label: str
    icon: str
    section: str = ""  # of the dataset page
    changes: Mapping[str, Any] = field(default_factory=dict)  # settings of a new run, by name
    is_fine_tuned: bool = False  # whether the new run adjusts the network itself


# Settings by which left and right are told apart.
NO_MIRRORING: Mapping[str, Any] = MappingProxyType({"augment.flip": False, "averages_flips": False})

_CHECK = Mending(label="See what was found", icon="troubleshoot", section="Check")
_PHOTOS = Mending(label="Look at the photos", icon="photo_library", section="Photos")
_SPLIT = Mending(label="Split the photos", icon="call_split", section="Split")

MENDINGS: Mapping[ReasonKind, Mending] = MappingProxyType(
    {
        ReasonKind.PHOTOS: _PHOTOS,
        ReasonKind.CUT_OFF: Mending(
            label="Train again with the whole photo", icon="fit_screen", changes={"fit_mode": WHOLE_PHOTO}
        ),
        ReasonKind.MIRRORING: Mending(label="Train again with mirroring off", icon="flip", changes=NO_MIRRORING),
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
