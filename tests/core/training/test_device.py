"""What a training runs on, and what happens when the memory does not suffice."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.config import HeadConfig
from core.errors import ConfigError, RunError, TrainingMemoryError
from core.training.baseline import build_baseline
from core.training.device import (
    choose_device,
    is_out_of_memory,
    list_gpus,
    parse_nvidia_memory,
    pick_batch_size,
    training_bytes_per_photo,
    using_precision,
    with_smaller_batches,
)
from core.training.heads import build_head
from tests.conftest import PROJECT_DIR

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; every look at a variable warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

needs_no_gpu = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="this machine has a GPU")

# Two logical CPUs must be asked for before TensorFlow computes anything.
TWO_DEVICES = """
import json
import keras, numpy as np, tensorflow as tf
from core.config import HeadConfig
from core.training.device import choose_device, using_precision
from core.training.heads import build_head

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

class Batches(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.features = np.random.default_rng(0).normal(size=(66, 8)).astype(np.float32)
        self.classes = (self.features[:, 0] > 0).astype(np.int32)

    def __len__(self):
        return 5  # the last one has two photos, one for each device

    def __getitem__(self, index):
        part = slice(16 * index, 16 * index + 16)
        return self.features[part], self.classes[part]

def train(choice):
    with using_precision(choice), choice.scope():
        model = build_head(HeadConfig(hidden_units=(4,), dropout=0), 8, 2, seed=1)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.05), loss, metrics=["accuracy"], jit_compile=choice.jit_compile)
    history = model.fit(Batches(), epochs=3, shuffle=False, verbose=0).history
    return {
        "title": choice.title, "reason": choice.reason, "num_devices": choice.num_devices,
        "history": history["loss"], "weights": [weight.tolist() for weight in model.get_weights()],
    }

names = ["CPU:0", "CPU:1"]
print(json.dumps([train(choose_device(devices=names)), train(choose_device(devices=names, uses_all_gpus=True))]))
"""


class FullMemory(keras.callbacks.Callback):
    """Memory that `most` photos fit into: raises what TensorFlow raises, from within `fit`.

    Really to allocate too much takes TensorFlow's CPU allocator ten seconds each time, as it waits for others.
    """

    def __init__(self, most: int, batch_size: int) -> None:
        super().__init__()
        self.is_full = batch_size > most
        self.batch_size = batch_size

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        if self.is_full:
            message = f"OOM when allocating tensor with shape[{self.batch_size},8] and type float on CPU:0"
            raise tf.errors.ResourceExhaustedError(None, None, message)


def fit_in_memory_for(most: int) -> Callable[[int], int]:
    """A real `fit` in a memory that `most` photos fit into; gives its batch size."""

    def train(batch_size: int) -> int:
        model = build_head(HeadConfig(), 8, 2, seed=0)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
        memory = FullMemory(most, batch_size)
        model.fit(np.zeros((64, 8)), np.zeros(64), batch_size=batch_size, callbacks=[memory], verbose=0)
        return batch_size

    return train


@needs_no_gpu
def test_without_a_gpu_the_cpu_trains_in_full_precision():
    """The choice says what trains, that XLA stays off, and why, in one sentence."""
    choice = choose_device()
    assert choice.title.startswith("CPU, ")
    assert (choice.precision, choice.is_gpu, choice.num_devices, choice.jit_compile) == ("float32", False, 1, False)
    assert list_gpus() == []
    assert choice.reason == (
        "The processor (CPU) trains, because TensorFlow finds no GPU on this machine, with numbers of full precision "
        "(float32), which a CPU computes fastest."
    )
    assert choice.with_batch_size(32).reason.endswith("computes fastest; 32 photos at a time.")


@needs_no_gpu
def test_a_precision_that_was_asked_for_is_taken_and_the_old_one_comes_back():
    """An explicit precision rules within `using_precision`, also when an error ends it."""
    choice = choose_device(precision="mixed_bfloat16")
    assert choice.reason.endswith("where they suffice (mixed_bfloat16) as asked.")
    with using_precision(choice):
        head = build_head(HeadConfig(hidden_units=(4,)), 8, 2, seed=0)
    assert (head.get_layer("hidden_1").compute_dtype, head.get_layer("logits").compute_dtype) == ("bfloat16", "float32")
    with pytest.raises(ConfigError), using_precision(choice):
        build_baseline((8, 8), 2, seed=0)
    assert keras.config.dtype_policy().name == "float32"


@needs_no_gpu
def test_two_devices_learn_what_one_learns():
    """`MirroredStrategy` shares each batch among two logical CPUs and arrives at the weights of a single one."""
    process = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR), "TF_CPP_MIN_LOG_LEVEL": "2"},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    one, two = json.loads(process.stdout.splitlines()[-1])
    assert (one["num_devices"], two["num_devices"]) == (1, 2)
    assert two["title"].endswith("as 2 devices")
    assert two["reason"].startswith("2 devices train together, as asked")
    np.testing.assert_allclose(two["history"], one["history"], rtol=1e-4)
    for ours, expected in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_the_batch_is_halved_until_it_fits():
    """TensorFlow's own error out of a running `fit` halves the batch, and the log hears of each time."""
    told: list[str] = []
    assert with_smaller_batches(fit_in_memory_for(16), 64, log=told.append) == 16
    assert [line.split(";")[0] for line in told] == [
        "The memory did not suffice for 64 photos at a time",
        "The memory did not suffice for 32 photos at a time",
    ]
    assert all("OOM when allocating" in line for line in told)


def test_a_single_photo_that_does_not_fit_ends_the_training_in_plain_words():
    """At one photo the error names the cause and the remedies."""

    def train(batch_size: int) -> None:
        raise MemoryError

    with pytest.raises(TrainingMemoryError, match=r"even with one photo at a time\. Choose a smaller") as caught:
        with_smaller_batches(train, 3, log=lambda line: None)
    assert isinstance(caught.value, RunError)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError("Unable to allocate 8 GiB"), True),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[64,112]"), True),
        (tf.errors.ResourceExhaustedError(None, None, "weights.h5; No space left on device"), False),
        (tf.errors.InternalError(None, None, "CUDA_ERROR_OUT_OF_MEMORY: out of memory"), True),
        (tf.errors.UnknownError(None, None, "Failed to allocate scratch space"), True),
        (tf.errors.InternalError(None, None, "CUDA_ERROR_ILLEGAL_ADDRESS"), False),
        (tf.errors.InvalidArgumentError(None, None, "failed to allocate"), False),
        (ValueError("out of memory"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_memory_and_other_errors_are_told_apart(error: Exception, expected: bool):
    """Only what says that memory did not suffice counts; a full disk does not."""
    assert is_out_of_memory(error) is expected


def test_other_errors_are_not_retried():
    """A fault of another kind comes out of the first try as it is."""
    tries: list[int] = []

    def train(batch_size: int) -> None:
        tries.append(batch_size)
        raise tf.errors.InvalidArgumentError(None, None, "shapes differ")

    with pytest.raises(tf.errors.InvalidArgumentError):
        with_smaller_batches(train, 8, log=lambda line: None)
    assert tries == [8]


@needs_no_gpu
@pytest.mark.parametrize(
    ("memory_bytes", "expected"),
    [(None, 32), (10**9, 32), (10**8, 4), (10**6, 1)],
    ids=["unknown", "plenty", "little", "far too little"],
)
def test_the_batch_size_asked_for_is_taken_where_memory_allows(memory_bytes: int | None, expected: int):
    """It is halved until ten megabytes a photo fit into three fifths of the memory, and said so."""
    told: list[str] = []
    choice = replace(choose_device(), memory_bytes=memory_bytes)
    assert pick_batch_size(32, choice, bytes_per_photo=10**7, log=told.append) == expected
    assert bool(told) == (expected < 32)
    assert all(f"{expected} are taken at a time instead." in line for line in told)


def test_memory_per_photo_counts_every_layer_twice():
    """The outputs of all layers count, those of inner models too, forwards and backwards in four bytes."""
    head = build_head(HeadConfig(hidden_units=(4,), dropout=0.5), 8, 3, seed=0)
    values = 8 + 4 + 4 + 3  # dropout, hidden, dropout, logits
    assert training_bytes_per_photo(head) == values * 4 * 2
    outer = keras.Sequential([keras.Input((8,)), head])
    assert training_bytes_per_photo(outer) == values * 4 * 2
    assert training_bytes_per_photo(build_baseline((150, 150), 2, seed=0)) > 150 * 150 * 3 * 4


def test_the_memory_of_gpus_is_read_by_name():
    """The least counts where two GPUs of a name differ; a GPU that shares the processor's memory has none."""
    answer = "NVIDIA RTX A2000, 12282\nNVIDIA RTX A2000, 6138\nOrin (nvgpu), [N/A]\n"
    assert parse_nvidia_memory(answer) == {"NVIDIA RTX A2000": 6138 * 2**20}
    assert parse_nvidia_memory("") == {}


def test_a_choice_without_a_strategy_builds_anywhere():
    """On a single device the scope changes nothing."""
    before = tf.distribute.get_strategy()
    with choose_device(devices=["CPU:0"]).scope():
        assert tf.distribute.get_strategy() is before
