"""Exports with a sample program: what lies beside the artefact, and the proof by that very program."""

import shutil
from collections.abc import Callable
from pathlib import Path

from core.export.certificate import Proven
from core.export.description import describe_licences, describe_model, json_text
from core.export.formats import ExportFormat
from core.export.material import Material
from core.export.parity import labels_of
from core.export.proof import run_proof
from core.export.sample_program import (
    DESCRIPTION_NAME,
    LABELS_NAME,
    PROGRAM_NAME,
    REFERENCE_NAME,
    requirements,
    sample_program,
)
from core.export.samples import choose_samples, expected_json


def write(material: Material, row: ExportFormat, draft: Path) -> None:
    """Write the artefact, and what its sample program needs, into a folder."""
    facts = material.facts
    material.model.write(draft / row.artefact)
    description = describe_model(row, facts, features_layer=material.model.features_layer)
    labels = labels_of(facts.record.class_names)
    texts = {
        DESCRIPTION_NAME: json_text(description),
        LABELS_NAME: "".join(f"{label}\n" for label in labels),
        PROGRAM_NAME: sample_program(row, facts.record, has_reference=facts.has_reference),
        "requirements.txt": requirements(row),
        "LICENCES.txt": describe_licences(facts, row),
    }
    for name, text in texts.items():
        (draft / name).write_text(text, "utf-8")
    if facts.has_reference:
        shutil.copyfile(material.folder.reference_path, draft / REFERENCE_NAME)


def prove(material: Material, row: ExportFormat, draft: Path, *, watch: Callable[[int], None]) -> Proven:
    """Have the sample program in the folder answer, and compare.

    Args:
        material: what the export was made of.
        row: of the export.
        draft: the folder.
        watch: called often with how many photos were answered; raises to stop.

    Raises:
        ParityError: the sample program failed.
        OSError: a file cannot be read or written.
    """
    proof = run_proof(draft, row, photos=material.photos, watch=watch)
    return material.compare(row, draft / row.artefact, proof)


def add_samples(material: Material, draft: Path) -> None:
    """Put some photos with their answers into the folder."""
    samples = choose_samples(material.photos, material.preview)
    (draft / "expected.json").write_text(json_text(expected_json(samples, material.preview)), "utf-8")
    for name, number in samples.items():
        path = draft / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(material.photos.data(number))
