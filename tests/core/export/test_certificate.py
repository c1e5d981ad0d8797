"""What a certificate says, and who gets nothing because of it."""

from pathlib import Path

import pytest

from core.export.certificate import Certificate, artefact_sha256, certificate_json, refusal_of, verdict
from core.export.formats import find_format
from tests.core.export.export_samples import CERTIFICATE, certificate

LITERT, INT8 = find_format("litert"), find_format("litert_int8")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        pytest.param(certificate(top1_agreement=0.99), "another class for 2 of 200 photos", id="another class"),
        pytest.param(certificate(max_probability_difference=2e-3), "a probability differs by 0.002", id="probability"),
        pytest.param(certificate(max_probability_difference=float("nan")), "differs by nan", id="no number"),
        pytest.param(certificate(decision_agreement=0.985, num_on_the_edge=1), "for 2 of 200 photos", id="decision"),
    ],
)
def test_a_format_in_floating_point_that_answers_otherwise_is_refused(found: Certificate, reason: str):
    """For each of the reasons alone, in words; a coarser format with the same figures is not."""
    told = refusal_of(found, LITERT)
    assert told is not None
    assert reason in told
    assert refusal_of(found, INT8) is None


@pytest.mark.parametrize(
    "found",
    [
        CERTIFICATE,
        certificate(max_probability_difference=1e-3),
        certificate(decision_agreement=0.99, num_on_the_edge=2),
    ],
    ids=["the same", "as far as allowed", "rounding at a limit"],
)
def test_rounding_alone_refuses_nobody(found: Certificate):
    """Not even where a photo lies so close to a limit that rounding decides what is said of it."""
    assert refusal_of(found, LITERT) is None


@pytest.mark.parametrize(
    ("accuracy", "told"),
    [(0.95, "right as often"), (0.94, "1 point less often right"), (0.97, "2 points more often right")],
)
def test_a_coarser_format_tells_what_it_loses(accuracy: float, told: str):
    """In points, before anybody takes it, and in the zip as a number."""
    found = certificate(format="litert_int8", accuracy=accuracy)
    assert told in verdict(found, INT8)
    assert certificate_json(found, INT8)["accuracy_lost"] == pytest.approx(0.95 - accuracy)


def test_the_hash_of_a_folder_tells_every_change_in_it(tmp_path: Path):
    """Of content, name and number of files; a file has its own."""
    folder = tmp_path / "saved"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a").write_bytes(b"1")
    hashes = [artefact_sha256(folder)]
    (folder / "inner" / "a").write_bytes(b"2")
    hashes.append(artefact_sha256(folder))
    (folder / "inner" / "a").rename(folder / "inner" / "b")
    hashes.append(artefact_sha256(folder))
    (folder / "empty").touch()
    hashes.append(artefact_sha256(folder))
    assert len(set(hashes)) == 4
    assert artefact_sha256(folder / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
