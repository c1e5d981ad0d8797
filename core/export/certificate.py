"""The parity certificate of an export: whether it answers as the preview does, photo by photo.

The exported file was loaded by its own runtime in a process of its own, and asked by the sample program beside it, from
the bytes of the photos' files. A certificate holds what came of that, and the verdict follows from it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import RunFileError
from core.export.formats import ExportFormat
from core.records import Record

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Record):
    """What an exported file says beside what the preview says, on the same photos."""

    json_error = RunFileError
    json_remedy = "make the export again"

    format: str  # name of the row
    artefact_sha256: str  # as `artefact_sha256` makes it
    split: str  # whose photos: test, else validation, else train
    num_photos: int
    top1_agreement: float  # share of the photos with the same likeliest class, 0-1
    max_probability_difference: float  # of any class and photo, 0-1
    # Share of the photos with the same answer, a class or "I don't know", 0-1; and how many of the others are as close
    # to a limit as the allowed difference: there rounding decides.
    decision_agreement: float
    num_on_the_edge: int
    preview_accuracy: float  # share of right likeliest classes, 0-1
    accuracy: float  # the same of the exported file
    latency_milliseconds: float  # median, pixels to probabilities, one photo at a time, on the computer that proved it
    packages: dict[str, str]  # versions of what the sample program names
    made_at: float  # Unix seconds

    @property
    def accuracy_lost(self) -> float:
        """Share of the photos, 0-1, by which the file is right less often; negative where it is more often."""
        return self.preview_accuracy - self.accuracy

    @property
    def num_decided_otherwise(self) -> int:
        """Photos with another answer that no rounding excuses."""
        return round((1 - self.decision_agreement) * self.num_photos) - self.num_on_the_edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven(Record):
    """What the proof of an export came to."""

    json_error = RunFileError
    json_remedy = "make the export again"

    certificate: Certificate | None = None  # None: nothing could be compared
    unproven: str = ""  # for people: why nothing could; empty where there is a certificate

    def refusal(self, row: ExportFormat) -> str | None:
        """For people: why nobody gets the file; None: it does what its format promises, as far as anybody knows."""
        return None if self.certificate is None else refusal_of(self.certificate, row)

    def told(self, row: ExportFormat) -> str:
        """For people: what the proof found, or why there is none."""
        return self.unproven if self.certificate is None else verdict(self.certificate, row)

    def figures(self, row: ExportFormat) -> dict[str, Any]:
        """What `certificate.json` in the zip holds."""
        if self.certificate is None:
            return {"format": row.name, "verdict": self.unproven}
        return certificate_json(self.certificate, row)


def artefact_sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder that of its files' relative paths and hashes, a line each, sorted by path.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        lines = "".join(f"{each.relative_to(path).as_posix()} {artefact_sha256(each)}\n" for each in files)
        return hashlib.sha256(lines.encode()).hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def refusal_of(certificate: Certificate, row: ExportFormat) -> str | None:
    """For people: why nobody gets the file; None: it does what its format promises."""
    if row.max_difference is None:
        return None
    reasons = []
    if certificate.top1_agreement < 1:
        reasons.append(f"it names another class for {_photos(1 - certificate.top1_agreement, certificate)}")
    # A difference that is no number is no agreement.
    if not certificate.max_probability_difference <= row.max_difference:
        reasons.append(
            f"a probability differs by {certificate.max_probability_difference:.2g}, where at most "
            f"{row.max_difference:g} is allowed"
        )
    if certificate.num_decided_otherwise:
        reasons.append(
            f"it decides otherwise about “I don't know” for {certificate.num_decided_otherwise:,} of "
            f"{certificate.num_photos:,} photos"
        )
    if not reasons:
        return None
    return (
        f"The export for {row.title} answers otherwise than the preview: {', and '.join(reasons)}. It was thrown away; "
        "please report this with your versions of keras and tensorflow."
    )


def verdict(certificate: Certificate, row: ExportFormat) -> str:
    """For people: what the proof found, in a sentence or two."""
    photos = f"{certificate.num_photos:,} {certificate.split} photos"
    if row.max_difference is not None:
        return (
            f"Answers as the Classify page does: the same class on all {photos}, and the same photos get “I don't "
            f"know”; probabilities differ by {_at_most(certificate.max_probability_difference)}."
        )
    lost = certificate.accuracy_lost
    if abs(lost) * certificate.num_photos < 0.5:
        change = "is right as often as the Classify page"
    elif lost > 0:
        change = f"is {_points(lost)} less often right than the Classify page"
    else:
        change = f"is {_points(-lost)} more often right than the Classify page"
    return (
        f"Smaller and coarser: on {photos} it {change}, names the same class on "
        f"{100 * certificate.top1_agreement:.4g} % and decides the same about “I don't know” on "
        f"{100 * certificate.decision_agreement:.4g} %; probabilities differ by "
        f"{_at_most(certificate.max_probability_difference)}."
    )


def _points(difference: float) -> str:
    """A difference of shares, 0-1, in percentage points."""
    return f"{100 * difference:.2g} point{'' if round(100 * difference, 2) == 1 else 's'}"


def _at_most(difference: float) -> str:
    """How far probabilities, 0-1, differ at most: nobody needs to know a hundredth of a point."""
    return "less than 0.01 points" if difference < 1e-4 else f"at most {_points(difference)}"


def _photos(share: float, certificate: Certificate) -> str:
    return f"{round(share * certificate.num_photos):,} of {certificate.num_photos:,} photos"


def certificate_json(certificate: Certificate, row: ExportFormat) -> dict[str, Any]:
    """What `certificate.json` in the zip holds: the figures, what was promised, and the verdict."""
    return {
        **certificate.to_json(),
        "max_difference_allowed": row.max_difference,
        "accuracy_lost": certificate.accuracy_lost,
        "verdict": verdict(certificate, row),
    }
