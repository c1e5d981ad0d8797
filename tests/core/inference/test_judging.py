"""Models that know when they do not know."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.evaluation.answers import Answers
from core.evaluation.calibration import fit_temperature
from core.evaluation.rejection import default_point, rejection_points
from core.inference.batch_records import PhotoOrigin
from core.inference.class_table import Prediction
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.head import Head
from core.inference.judging import Judge, Rule, describe_decision, read_rule
from core.inference.reference import Reference, read_reference, write_reference
from core.inference.temperature import calibrated
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.core.inference.model_samples import SAMPLES, head_for_samples, record_for, write_model
from tests.core.inference.running_registry import running_registry
from tests.core.training.training_samples import COLOURS, paint
from tests.waiting import wait_until

NAMES = ("cat", "coffee", "rocket")
MOTORCYCLE = SAMPLES[3]  # is none of them


@pytest.fixture
def folder(prepared_settings: Settings, classifier: Classifier) -> RunFolder:
    """A model of three classes, for which nobody has chosen."""
    folder = RunFolder(prepared_settings, 1)
    write_model(folder, record_for(classifier, NAMES), head_for_samples(classifier, 3))
    return folder


@pytest.fixture
def cache(prepared_settings: Settings) -> ClassifierCache:
    return ClassifierCache(prepared_settings)


def features_of(classifier: Classifier, photos: Sequence[bytes]) -> np.ndarray:
    return np.stack([classifier.answer(classifier.square(photo, "photo")).features for photo in photos])


def keep_reference(folder: RunFolder, features: np.ndarray) -> None:
    hashes = [f"{number:064x}" for number in range(len(features))]
    write_reference(folder, Reference(hashes, np.zeros(len(features), np.int64), features))


def test_without_a_decision_a_model_answers_everything(folder: RunFolder, cache: ClassifierCache):
    """Its probabilities are the network's own."""
    model = cache.get_trained(1)
    found = model.classify(MOTORCYCLE, "motorcycle")
    raw = model.answer(model.square(MOTORCYCLE, "motorcycle")).probabilities
    assert (found.is_refused, found.refusal, found.has_rule, model.problem) == (False, None, False, None)
    assert [each.probability for each in found.predictions] == sorted(raw.tolist(), reverse=True)


def test_probabilities_are_calibrated(folder: RunFolder, cache: ClassifierCache):
    """The order of the classes stays; what the network itself said can still be asked for."""
    write_decision(folder, Decision(temperature=3.0))
    model = cache.get_trained(1)
    found = model.classify(MOTORCYCLE, "motorcycle")
    raw = model.answer(model.square(MOTORCYCLE, "motorcycle")).probabilities
    expected = calibrated(raw, 3.0)
    assert {each.index: each.probability for each in found.predictions} == pytest.approx(dict(enumerate(expected)))
    assert found.predictions[0].index == raw.argmax()
    assert not found.has_rule


def test_an_unsure_guess_is_refused_in_plain_words(folder: RunFolder, cache: ClassifierCache):
    """Both figures are told; the guesses are still there; a sure answer is given."""
    write_decision(folder, Decision(temperature=2.0, min_probability=0.95))
    model = cache.get_trained(1)
    refused, answered = (model.classify(photo, "photo") for photo in (MOTORCYCLE, SAMPLES[0]))
    best = refused.predictions[0]
    assert refused.is_refused
    assert refused.refusal == (
        f"its best guess, {best.label}, has only {100 * best.probability:.0f} %; this model answers from 95 % on"
    )
    assert (answered.predictions[0].label, answered.is_refused, answered.has_rule) == ("cat", False, True)


def test_a_photo_unlike_all_training_photos_is_refused(
    folder: RunFolder, cache: ClassifierCache, classifier: Classifier
):
    """However sure the head is; where the guess is unsure too, both are told."""
    keep_reference(folder, features_of(classifier, SAMPLES[:3]))
    write_decision(folder, Decision(max_distance=0.3))
    model = cache.get_trained(1)
    far = "it looks like none of the photos that the model learned from"
    assert [model.classify(photo, "photo").refusal for photo in SAMPLES[:4]] == [None, None, None, far]
    write_decision(folder, Decision(min_probability=1.0, max_distance=0.3))
    refusal = cache.get_trained(1).classify(MOTORCYCLE, "motorcycle").refusal
    assert refusal is not None
    assert refusal.startswith(f"{far}, and its best guess, ")


def test_a_changed_decision_holds_from_the_next_photo_on(
    folder: RunFolder, cache: ClassifierCache, prepared_settings: Settings
):
    """A batch that was answered before is answered anew: no view ever holds answers of both decisions."""
    verdicts = []
    with running_registry(prepared_settings) as registry:
        batch = registry.open(None, owner="anna")
        batch.add_file("motorcycle.png", MOTORCYCLE, PhotoOrigin.FILE)
        for decision in (Decision(), Decision(min_probability=1.0), Decision(min_probability=0.1)):
            write_decision(folder, decision)
            model = cache.get_trained(1)
            assert cache.get_trained(1) is model
            assert batch.view(model.fingerprint).num_waiting == 1
            batch.start(model)
            wait_until(lambda model=model: not batch.view(model.fingerprint).is_running)
            (answer,) = batch.view(model.fingerprint).answers
            verdicts.append((answer.classification.has_rule, answer.classification.is_refused))
    assert verdicts == [(False, False), (True, True), (True, False)]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"temperature": 0}', b'{"min_probability": "x"}', b'{"temper": 1}', b"\xff"]
)
def test_a_damaged_decision_is_told_and_the_model_answers(folder: RunFolder, cache: ClassifierCache, content: bytes):
    """As if nobody had chosen, with the way to choose again; a new choice mends it."""
    folder.decision_path.write_bytes(content)
    model = cache.get_trained(1)
    assert "decision.json" in (model.problem or "")
    assert "chooses again on the results page" in (model.problem or "")
    assert not model.classify(MOTORCYCLE, "motorcycle").is_refused
    write_decision(folder, Decision(min_probability=1.0))
    assert cache.get_trained(1).problem is None


@pytest.mark.parametrize("damage", ["missing", "cut off", "of another network"])
def test_without_what_distances_are_measured_to_the_probability_still_counts(
    folder: RunFolder, cache: ClassifierCache, classifier: Classifier, damage: str
):
    """It is told what does not hold; once the file is there, everything does."""
    write_decision(folder, Decision(min_probability=0.95, max_distance=0.3))
    if damage == "cut off":
        folder.reference_path.write_bytes(b"PK")
    elif damage == "of another network":
        keep_reference(folder, np.ones((2, 7), np.float32))
    model = cache.get_trained(1)
    assert "reference.npz" in (model.problem or "")
    assert "its best guess" in (model.classify(MOTORCYCLE, "motorcycle").refusal or "")
    keep_reference(folder, features_of(classifier, SAMPLES[:3]))
    mended = cache.get_trained(1)
    assert mended.problem is None
    assert "looks like none" in (mended.classify(MOTORCYCLE, "motorcycle").refusal or "")


def test_a_network_of_its_own_refuses_as_well(
    folder: RunFolder, cache: ClassifierCache, classifier: Classifier, prepared_settings: Settings
):
    """A model without a backbone below is asked by its own features."""
    names = tuple(f"class {number}" for number in range(1000))
    write_model(folder, record_for(classifier, names, artefact=None), None)
    artefact_path = prepared_settings.cache_path / "backbones" / str(record_for(classifier, names).artefact)
    folder.litert_path.write_bytes((artefact_path / "model.tflite").read_bytes())
    folder.head_path.unlink()
    keep_reference(folder, features_of(classifier, SAMPLES[:1]))
    write_decision(folder, Decision(max_distance=0.3))
    model = cache.get_trained(1)
    assert [model.classify(photo, "photo").is_refused for photo in SAMPLES[:2]] == [False, True]


@pytest.mark.parametrize(
    ("guess", "limit", "told"),
    [
        pytest.param(0.41, 0.6, "has only 41 %; this model answers from 60 % on", id="far below"),
        pytest.param(0.598, 0.6, "has only 59.8 %; this model answers from 60.0 % on", id="just below"),
        pytest.param(0.99961, 0.9997, "has only 99.96 %; this model answers from 99.97 % on", id="both nearly sure"),
    ],
)
def test_figures_never_look_as_if_the_guess_were_enough(guess: float, limit: float, told: str):
    """As many decimals as it takes to see which is less."""
    judge = Judge(Rule(decision=Decision(min_probability=limit)))
    best = Prediction(index=0, label="alien", probability=guess)
    assert judge.refusal(best, np.ones(4, np.float32)) == f"its best guess, alien, {told}"


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        pytest.param(Decision(temperature=2), "", id="only calibrated"),
        pytest.param(
            Decision(min_probability=0.6),
            "It says that it does not know where its best guess has less than 60 %.",
            id="probability",
        ),
        pytest.param(
            Decision(min_probability=0.6, max_distance=0.2),
            "It says that it does not know where its best guess has less than 60 %, or where a photo looks like none "
            "of those that it learned from.",
            id="both",
        ),
    ],
)
def test_a_decision_in_words(decision: Decision, told: str):
    """One sentence, or none for a model that always answers."""
    assert describe_decision(decision) == told


# --- photos of things that no class has --------------------------------------------------------------------


def fit(features: np.ndarray, labels: np.ndarray) -> Head:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(features, labels)
    return Head((fitted.coef_.T.astype(np.float32),), (fitted.intercept_.astype(np.float32),))


def decide(head: Head, reference: Reference, features: np.ndarray, labels: np.ndarray) -> Decision:
    """What the results page proposes for a model that has seen these validation photos."""
    hashes = tuple(f"{number:064x}" for number in range(len(labels)))
    answers = Answers(hashes=hashes, class_indices=labels, probabilities=head.probabilities(features))
    temperature = fit_temperature(answers)
    distances = {name: reference.distance(values) for name, values in zip(hashes, features, strict=True)}
    point = default_point(rejection_points(answers, temperature=temperature, distances=distances))
    return Decision(temperature=temperature, min_probability=point.min_probability, max_distance=point.max_distance)


def check_strangers(
    folder: RunFolder, cache: ClassifierCache, names: tuple[str, ...], photos: dict[str, Sequence[tuple[bytes, int]]]
) -> None:
    """Train and decide on some photos: others of the classes are answered, the samples are not."""
    backbone = cache.get_trained(1)
    data = {
        split: (features_of(backbone, [photo for photo, _ in found]), np.array([label for _, label in found]))
        for split, found in photos.items()
        if split != "new"
    }
    head = fit(*data["train"])
    keep_reference(folder, data["train"][0])
    reference = read_reference(folder)
    assert reference is not None
    write_model(folder, replace(backbone.record, class_names=names, fingerprint="other"), head)
    write_decision(folder, decide(head, reference, *data["validation"]))
    model = cache.get_trained(1)
    assert read_rule(folder).decision.max_distance is not None
    assert all(model.classify(photo, "a stranger").is_refused for photo in SAMPLES)
    answers = [(model.classify(photo, "photo"), label) for photo, label in photos["new"]]
    given = [(found, label) for found, label in answers if not found.is_refused]
    assert len(given) >= 0.85 * len(answers)
    assert sum(found.predictions[0].index == label for found, label in given) >= 0.85 * len(given)


def test_a_cup_of_coffee_is_none_of_three_colours(folder: RunFolder, cache: ClassifierCache):
    """At the proposed limits a model of painted pictures refuses every sample photo, and few pictures."""
    names = tuple(COLOURS)

    def read(first: int, last: int) -> list[tuple[bytes, int]]:
        return [(paint(name, number), label) for label, name in enumerate(names) for number in range(first, last)]

    check_strangers(folder, cache, names, {"train": read(0, 12), "validation": read(20, 30), "new": read(40, 50)})


def test_a_cup_of_coffee_is_neither_alien_nor_predator(folder: RunFolder, cache: ClassifierCache, shared_dir: Path):
    """The same with real photos."""
    names = ("alien", "predator")

    def read(split: str, first: int, last: int) -> list[tuple[bytes, int]]:
        places = [sorted((shared_dir / "data" / "alien_vs_predator" / split / name).iterdir()) for name in names]
        return [(path.read_bytes(), label) for label, paths in enumerate(places) for path in paths[first:last]]

    photos = {"train": read("train", 0, 30), "validation": read("validation", 0, 20), "new": read("validation", 20, 40)}
    check_strangers(folder, cache, names, photos)
