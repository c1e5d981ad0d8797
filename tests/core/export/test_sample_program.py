"""The sample programs need what they name, and nothing else."""

import ast
import sys

import pytest

from core.export.formats import FORMATS, ExportFormat, Runtime
from core.export.sample_program import requirements, sample_program
from tests.core.inference.model_samples import own_record

# What is imported to what is installed, where the names differ.
PACKAGES = {"PIL": "pillow", "ai_edge_litert": "ai-edge-litert"}


@pytest.mark.parametrize(
    "row", [row for row in FORMATS if row.runtime is not Runtime.BROWSER], ids=lambda row: row.name
)
@pytest.mark.parametrize("fit_mode", ["crop", "letterbox", "squash"])
def test_a_program_names_what_it_imports(row: ExportFormat, fit_mode: str):
    """Every module is Python's own or among the requirements; the artefact is the one in the zip."""
    text = sample_program(row, own_record(fit_mode=fit_mode), has_reference=True)
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    needed = {PACKAGES.get(name, name) for name in names - set(sys.stdlib_module_names)}
    named = {line.partition(">")[0] for line in requirements(row).splitlines()}
    assert needed <= named
    assert f'"{row.artefact}"' in text
    assert max(map(len, text.splitlines())) <= 120
