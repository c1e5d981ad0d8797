"""What an export of a model is made of and proven by, the same for all formats."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.export.certificate import Proven, artefact_sha256
from core.export.facts import ModelFacts
from core.export.formats import ExportFormat
from core.export.parity import Preview, ProofPhotos, certify
from core.export.proof import Proof
from core.runs.folder import RunFolder
from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A run's model in one format, its probabilities calibrated inside."""

    write: Callable[[Path], None]  # the file, or the folder, that people take away
    # Name of the layer whose output the distances to the training photos are measured by; None: it has no layers that
    # anybody asks for by name.
    features_layer: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """A run's model with all that is known of it."""

    facts: ModelFacts
    folder: RunFolder
    settings: Settings
    model: ModelFile
    photos: ProofPhotos  # that every format is proven on
    preview: Preview  # what the Classify page says to them
    check: Callable[[], None]  # called often; raises to stop

    def compare(self, row: ExportFormat, artefact: Path, proof: Proof) -> Proven:
        """What an exported file said beside what the preview says.

        Args:
            row: of the export.
            artefact: the file, or the folder, that was asked.
            proof: what it said.

        Raises:
            OSError: it cannot be read.
        """
        certificate = certify(
            row,
            self.photos,
            preview=self.preview,
            said=proof.answers,
            sha256=artefact_sha256(artefact),
            packages=proof.packages,
        )
        return Proven(certificate=certificate)
