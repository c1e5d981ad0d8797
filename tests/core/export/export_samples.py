"""Certificates and records of exports that nobody has made."""

from dataclasses import replace
from typing import Any

from core.export.certificate import Certificate, Proven, artefact_sha256
from core.export.exports import ExportRecord, export_key, record_path, zip_path
from core.export.formats import find_format
from core.runs.folder import RunFolder

TITLE = "Birds"
CERTIFICATE = Certificate(
    format="litert",
    artefact_sha256="0" * 64,
    split="test",
    num_photos=200,
    top1_agreement=1.0,
    max_probability_difference=2e-6,
    decision_agreement=1.0,
    num_on_the_edge=0,
    preview_accuracy=0.95,
    accuracy=0.95,
    latency_milliseconds=6.2,
    packages={"ai-edge-litert": "2.3.0"},
    made_at=1.0,
)


def certificate(**values: Any) -> Certificate:
    return replace(CERTIFICATE, **values)


def write_export(
    folder: RunFolder, found: Certificate = CERTIFICATE, content: bytes = b"a zip", *, title: str = TITLE
) -> ExportRecord:
    """An export as the worker leaves it, proven like this, of a run of this name."""
    row = find_format(found.format)
    folder.exports_path.mkdir(exist_ok=True)
    path = zip_path(folder, row)
    path.write_bytes(content)
    record = ExportRecord(
        proven=Proven(certificate=found),
        made_from=export_key(folder, row.runtime, title),
        artefact_bytes=4_000_000,
        zip_bytes=len(content),
        zip_sha256=artefact_sha256(path),
        seconds=2.0,
    )
    folder.write_json(record_path(folder, row), record.to_json())
    return record
