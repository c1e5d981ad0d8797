"""Sample programs in a process of their own: asked, followed, ended, and told apart from Bluetit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ParityError, TaskCancelledError
from core.export.formats import find_format
from core.export.parity import ProofPhotos
from core.export.proof import run_proof
from core.export.sample_program import PROGRAM_NAME
from core.storage.files import TEMPORARY_PREFIX

# What answers needs no runtime here: the program is the test's.
ROW = replace(find_format("litert"), packages=("numpy>=2", "pillow"))
PHOTOS = ProofPhotos(
    split="test", names=("a.jpg", "b.png"), data=lambda number: bytes([10 * number]), class_indices=np.array([0, 1])
)
PROGRAM = """
import numpy as np
print("a library that greets")
def pixels_of(path):
    return open(path, "rb").read()
def ask(pixels):
    return np.array([pixels[0] / 100, 1 - pixels[0] / 100], np.float32), None
def decide(probabilities, features):
    return str(probabilities.argmax()), float(probabilities.max())
def probabilities_of(path):
    return ask(pixels_of(path))[0]
def answer_of(path):
    return decide(*ask(pixels_of(path)))
"""


def write_program(folder: Path, text: str) -> Path:
    (folder / PROGRAM_NAME).write_text(text)
    return folder


def test_a_program_is_asked_from_the_files_of_the_photos(tmp_path: Path):
    """Its answers come back in order, with the versions of what it names; nothing is left in its folder."""
    folder = write_program(tmp_path, PROGRAM)
    proof = run_proof(folder, ROW, photos=PHOTOS, watch=lambda _: None)
    np.testing.assert_allclose(proof.answers.probabilities, [[0, 1], [0.1, 0.9]], atol=1e-6)
    assert proof.answers.answers == ("1", "1")
    assert set(proof.packages) == {"numpy", "pillow"}
    assert [path.name for path in folder.iterdir()] == [PROGRAM_NAME]


def test_photos_lie_where_the_clearing_up_finds_them(tmp_path: Path):
    """A worker that is killed meanwhile leaves none in the system's folder, where nobody would ever look."""
    folder = tmp_path / "exports" / "draft"
    folder.mkdir(parents=True)
    seen: set[str] = set()

    def look(_: int) -> None:
        seen.update(path.name for path in folder.parent.glob(f"{TEMPORARY_PREFIX}*/*"))

    run_proof(write_program(folder, PROGRAM), ROW, photos=PHOTOS, watch=look)
    assert {"0.jpg", "1.png"} <= seen
    assert [path.name for path in folder.parent.iterdir()] == ["draft"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(f"import core.photos.fit\n{PROGRAM}", "core is not among the packages", id="uses Bluetit"),
        pytest.param(f"import httpx\n{PROGRAM}", "httpx is not among the packages", id="uses what it does not name"),
        pytest.param(PROGRAM.replace("pixels[0] / 100", "1 / 0"), "ZeroDivisionError", id="fails"),
        pytest.param(
            PROGRAM.replace("return decide(*ask(", "return ('2',), (ask("), "answers otherwise", id="unsteady"
        ),
    ],
)
def test_a_program_that_fails_proves_nothing(tmp_path: Path, text: str, told: str):
    """The error says what it said last."""
    with pytest.raises(ParityError, match=told):
        run_proof(write_program(tmp_path, text), ROW, photos=PHOTOS, watch=lambda _: None)


def stop(_: int) -> None:
    raise TaskCancelledError("Somebody asked for it.")


@pytest.mark.parametrize(
    ("watch", "max_seconds", "error"),
    [(stop, 60.0, TaskCancelledError), (lambda _: None, 0.3, ParityError)],
    ids=["stopped", "too slow"],
)
def test_a_program_is_ended_when_it_is_to_be(
    tmp_path: Path, watch: Callable[[int], None], max_seconds: float, error: type[Exception]
):
    """When somebody stops it, and when it takes too long: at once, however long it would go on."""
    folder = write_program(tmp_path, f"import time\ntime.sleep(600)\n{PROGRAM}")
    with pytest.raises(error):
        run_proof(folder, ROW, photos=PHOTOS, watch=watch, max_seconds=max_seconds)
