"""LiteRT under many threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.errors import ArtefactDamagedError
from core.litert.engine import Engine, LiteRTModel, map_streamed
from core.settings import Settings


@pytest.fixture
def model_path(prepared_settings: Settings, lite0: Backbone) -> Path:
    return load_artefact(lite0, prepared_settings).model_path


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_many_threads_get_the_answers_of_one(model_path: Path, num_threads: int):
    """Eight sessions at once, alone or not, read their own photo's answer and nobody else's."""
    engine = Engine(model_path, num_threads=num_threads)
    squares = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    expected = [engine.run(square).probabilities for square in squares]
    with ThreadPoolExecutor(8) as sessions:
        for _ in range(5):
            alone = [position % 3 == 0 for position in range(8)]
            answers = list(sessions.map(lambda square, is_alone: engine.run(square, is_alone=is_alone), squares, alone))
            for answer, wanted in zip(answers, expected, strict=True):
                np.testing.assert_allclose(answer.probabilities, wanted, atol=1e-5)


def test_interpreters_for_many_photos_wait_for_these(model_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A network that is only timed, or asked for one photo after the other, takes a third of the memory."""
    loaded = []

    class Counted(LiteRTModel):
        def __init__(self, content: bytes, *, num_threads: int) -> None:
            loaded.append(num_threads)
            super().__init__(content, num_threads=num_threads)

    monkeypatch.setattr("core.litert.engine.LiteRTModel", Counted)
    engine = Engine(model_path, num_threads=2)
    square = np.zeros((224, 224, 3), np.uint8)
    engine.run(square, is_alone=True)
    assert loaded == [2]
    engine.run(square)
    engine.run(square)
    assert loaded == [2, 1, 1]


def test_float_and_integer_pixels_give_the_same_answer(model_path: Path):
    """Pixels are 0-255 in either type."""
    engine = Engine(model_path, num_threads=1)
    square = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    np.testing.assert_array_equal(engine.run(square).probabilities, engine.run(square.astype(np.float32)).probabilities)


def test_an_answer_is_not_overwritten_by_the_next(model_path: Path):
    """Outputs are copies: LiteRT's own memory changes with every photo."""
    engine = Engine(model_path, num_threads=1)
    first = engine.run(np.zeros((224, 224, 3), np.uint8))
    kept = first.feature_map.copy()
    engine.run(np.full((224, 224, 3), 255, np.uint8))
    np.testing.assert_array_equal(first.feature_map, kept)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\0" * 10_000])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes):
    """The error says what to do, and the process survives."""
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ArtefactDamagedError, match="Prepare it again"):
        Engine(path, num_threads=1)


def test_streaming_keeps_the_order():
    """Results come in the order of the items, however long each takes."""
    pause = threading.Event()

    def slow_when_even(number: int) -> int:
        pause.wait(0.01 if number % 2 == 0 else 0)
        return number

    assert list(map_streamed(slow_when_even, range(50), num_threads=4)) == list(range(50))


def test_streaming_takes_few_items_ahead():
    """A thousand photos are not read into memory before the first answer is used."""
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_streamed(lambda number: number, items(), num_threads=2)
    assert next(results) == 0
    assert len(taken) <= 8
    results.close()


def test_streaming_stops_when_the_reader_stops():
    """What was not begun is dropped."""
    done = []
    results = map_streamed(done.append, range(1000), num_threads=2)
    next(results)
    results.close()
    assert len(done) < 20


def test_streaming_passes_errors_on():
    """A bug in the function reaches the caller."""
    with pytest.raises(ZeroDivisionError):
        list(map_streamed(lambda number: 1 // number, [1, 0], num_threads=2))
