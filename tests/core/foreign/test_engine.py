"""Models that answer in processes of their own: these die, hang and fill the memory, and the server goes on."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt
import psutil
import pytest

from core.errors import ForeignModelError
from core.foreign import engine as engine_module
from core.foreign.engine import ForeignEngine, ForeignNetwork
from core.foreign.places import model_path
from core.foreign.records import ForeignModelView
from core.foreign.scaling import Scaling
from core.inference.classifier_cache import ClassifierCache
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from tests.core.foreign.conftest import Workshop
from tests.core.foreign.foreign_samples import SIDE, as_litert, small_model

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def model(workshop: Workshop) -> ForeignModelView:
    """A small one."""
    return workshop.bring({"birds.tflite": as_litert(small_model()), "labels.txt": b"tit\ncrow\nfinch"})


@pytest.fixture(scope="module")
def slow_model(workshop: Workshop) -> ForeignModelView:
    """One that takes a second."""
    layers = [keras.layers.UpSampling2D(16), keras.layers.Conv2D(64, 9), keras.layers.Conv2D(64, 9, strides=8)]
    return workshop.bring({"slow.tflite": as_litert(small_model(first=layers)), "labels.txt": b"tit\ncrow\nfinch"})


@pytest.fixture
def network(workshop: Workshop, model: ForeignModelView) -> Iterator[ForeignNetwork]:
    made = ForeignNetwork(model, workshop.settings)
    yield made
    made.close()


def test_nothing_of_the_server_is_handed_over(network: ForeignNetwork, pixels: Pixels, monkeypatch: pytest.MonkeyPatch):
    """The process does not know the database's password, and its home is a folder of its own."""
    monkeypatch.setenv("BLUETIT_DATABASE_URL", "postgresql://anna:secret@db/bluetit")
    network.ask(pixels, Scaling.UNIT)
    process = psutil.Process(network.process_id)
    environment = process.environ()
    assert not [name for name in environment if name.startswith("BLUETIT_")]
    assert "secret" not in " ".join([*environment.values(), *process.cmdline()])
    assert "bluetit-model-" in environment["HOME"]


def test_many_threads_ask_one_model(network: ForeignNetwork, pixels: Pixels):
    """Each is given the answer to its own photo."""
    squares = [np.roll(pixels, shift, axis=0) for shift in range(12)]
    expected = [network.ask(square, Scaling.UNIT) for square in squares]
    found: dict[int, npt.NDArray[np.float32]] = {}

    def ask(number: int) -> None:
        found[number] = network.ask(squares[number], Scaling.UNIT)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(squares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, answer in enumerate(expected):
        np.testing.assert_array_equal(found[number], answer)


def test_one_that_dies_is_begun_once_more(network: ForeignNetwork, pixels: Pixels):
    """The person sees an answer, and nothing else."""
    before = network.ask(pixels, Scaling.UNIT)
    first = network.process_id
    assert first is not None
    psutil.Process(first).kill()
    np.testing.assert_array_equal(network.ask(pixels, Scaling.UNIT), before)
    assert network.process_id != first


def test_one_that_dies_each_time_is_refused_in_a_sentence_and_rests(
    workshop: Workshop, model: ForeignModelView, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
):
    """It cannot hold up those who answer for everybody; after a while it is tried again."""
    path = model_path(workshop.settings, model.id)
    content = path.read_bytes()
    network = ForeignNetwork(model, workshop.settings)
    path.write_bytes(content[:100])
    try:
        with pytest.raises(ForeignModelError, match="stopped in the middle of an answer twice"):
            network.ask(pixels, Scaling.UNIT)
        path.write_bytes(content)
        with pytest.raises(ForeignModelError, match="twice"):
            network.ask(pixels, Scaling.UNIT)
        assert network.process_id is None
        monkeypatch.setattr(network, "_rests_until", 0.0)
        assert network.ask(pixels, Scaling.UNIT).shape == (3,)
    finally:
        path.write_bytes(content)
        network.close()


def test_one_that_takes_too_long_is_ended(workshop: Workshop, slow_model: ForeignModelView, pixels: Pixels):
    """The limit is a setting."""
    assert slow_model.record.trial.milliseconds > 100
    settings = replace(workshop.settings, foreign_answer_seconds=0.02)
    network = ForeignNetwork(slow_model, settings)
    with pytest.raises(ForeignModelError, match="twice"):
        network.ask(pixels, Scaling.UNIT)
    assert network.process_id is None


def test_one_that_takes_too_much_memory_is_ended(
    workshop: Workshop, slow_model: ForeignModelView, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
):
    """Watched from outside, where the system itself has no such limit."""
    monkeypatch.setattr(engine_module, "_WATCH_SECONDS", 0.01)
    network = ForeignNetwork(slow_model, replace(workshop.settings, foreign_memory_bytes=20_000_000))
    with pytest.raises(ForeignModelError, match="twice"):
        network.ask(pixels, Scaling.UNIT)


def test_the_process_ends_with_the_server(workshop: Workshop, model: ForeignModelView, pixels: Pixels):
    """Nothing is left over; until then one process answers, whichever way photos are made ready."""
    cache = ClassifierCache(workshop.settings)
    classifier = cache.get_foreign(model)
    classifier.engine.run(pixels)
    assert isinstance(classifier.engine, ForeignEngine)
    process_id = classifier.engine.network.process_id
    assert process_id is not None
    other = cache.get_foreign(model.asked_as(scaling=Scaling.SIGNED))
    assert isinstance(other.engine, ForeignEngine)
    assert other.engine.network is classifier.engine.network
    cache.close()
    assert not psutil.pid_exists(process_id)


def test_the_process_ends_when_another_network_takes_its_place(
    workshop: Workshop, model: ForeignModelView, slow_model: ForeignModelView, pixels: Pixels
):
    """Memory is bounded: the longest unused network is let go, and its process with it."""
    cache = ClassifierCache(replace(workshop.settings, loaded_network_bytes=0))
    cache.get_foreign(model).engine.run(pixels)
    (network,) = cache._foreign.values()
    process_id = network.process_id
    assert process_id is not None
    del network
    cache.get_foreign(slow_model)
    assert not psutil.pid_exists(process_id)
    cache.close()


def test_it_answers_for_photos_with_heat_and_another_scaling_has_another_fingerprint(
    workshop: Workshop, model: ForeignModelView
):
    """Everything that pages ask of a classifier."""
    classifier = workshop.classifiers.get_foreign(model)
    photo = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
    found = classifier.classify(photo, "cat.jpg")
    assert sorted(each.label for each in found.predictions) == ["crow", "finch", "tit"]
    assert sum(each.probability for each in found.predictions) == pytest.approx(1, abs=1e-5)
    square = classifier.square(photo, "cat.jpg")
    assert square.size == (SIDE, SIDE)
    heat = classifier.heat(square, 0)
    assert heat.shape == (7, 7)
    assert heat.max() == 1
    other = workshop.classifiers.get_foreign(model.asked_as(scaling=Scaling.BYTES))
    assert other.fingerprint != classifier.fingerprint
