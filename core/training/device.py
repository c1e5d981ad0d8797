"""What a training runs on: processor or GPUs, how exact its numbers are, how many photos fit at a time.

Only here does training talk to TensorFlow about devices; the rest is plain Keras.
"""

import contextlib
import gc
import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import keras
import psutil
import tensorflow as tf

from core.config import Precision
from core.errors import TrainingMemoryError
from core.settings import num_usable_cores

# From this compute capability on, GPUs multiply in half precision several times faster than in single.
# Source: https://keras.io/api/mixed_precision/
_MIXED_SINCE = (7, 0)
# Part of the memory that activations may take; the rest is for weights, the optimizer, and what others use.
_USABLE_SHARE = 0.6
_NVIDIA_SMI_SECONDS = 10.0  # it answers within one, but for a driver that hangs
_FLOAT32_BYTES = 4
# While training, each value is kept for the way back, and its gradient joins it there.
_COPIES_IN_TRAINING = 2
# How TensorFlow says "out of memory" in errors that are not `ResourceExhaustedError`.
_OUT_OF_MEMORY_SIGNS = ("out of memory", "out_of_memory", "oom when allocating", "failed to allocate")
# Files, too, are a resource that gets exhausted; a smaller batch helps against nothing of that.
_DISK_FULL_SIGN = "no space left"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU that TensorFlow can use."""

    device: str  # TensorFlow's name, such as "GPU:0"
    title: str  # the maker's name
    memory_bytes: int | None  # all of its memory; None where nobody tells
    compute_capability: tuple[int, int] | None  # NVIDIA's version of what it can do; None for other makers


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChoice:
    """What a run trains on, and why."""

    title: str  # for people, such as "CPU, 2 cores" or "NVIDIA RTX A2000, 12 GB"
    why: str  # what was chosen and for which cause, a sentence without its full stop
    precision: str  # name of the Keras dtype policy
    is_gpu: bool
    num_devices: int
    jit_compile: bool  # what `compile` is to be given
    memory_bytes: int | None  # of one device, what may be used; None where unknown
    batch_size: int | None = None  # photos per step, of all devices together; None: not decided yet
    strategy: Any = field(default=None, compare=False, repr=False)  # `tf.distribute.Strategy` for several devices

    @property
    def reason(self) -> str:
        """One sentence on what was chosen and why."""
        if self.batch_size is None:
            return f"{self.why}."
        return f"{self.why}; {self.batch_size:,} photo{'s' if self.batch_size > 1 else ''} at a time."

    def with_batch_size(self, batch_size: int) -> "DeviceChoice":
        """The same, the batch size decided."""
        return replace(self, batch_size=batch_size)

    def scope(self) -> AbstractContextManager[Any]:
        """Where the network must be built and compiled, so that every device gets its copy."""
        return nullcontext() if self.strategy is None else self.strategy.scope()


def list_gpus() -> list[Gpu]:
    """The GPUs that TensorFlow can use; from now on it takes their memory bit by bit.

    Call it before anything is computed: a GPU in use keeps what it has taken, which without this is everything.
    """
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return []
    memory = _nvidia_memory_bytes()
    gpus = []
    for number, device in enumerate(devices):
        with contextlib.suppress(RuntimeError):  # it is in use already, since an earlier run
            tf.config.experimental.set_memory_growth(device, True)
        details = tf.config.experimental.get_device_details(device)
        title = details.get("device_name", f"GPU {number}")
        gpus.append(
            Gpu(
                device=f"GPU:{number}",
                title=title,
                memory_bytes=memory.get(title),
                compute_capability=details.get("compute_capability"),
            )
        )
    return gpus


def choose_device(
    *, precision: Precision = "auto", uses_all_gpus: bool = False, devices: Sequence[str] | None = None
) -> DeviceChoice:
    """Choose what to train on: the first GPU, or all of them, or else the CPU.

    Args:
        precision: "auto" is mixed where all GPUs used gain from it.
        uses_all_gpus: share each batch among all GPUs of this machine.
        devices: TensorFlow's names of the devices to use in place of what is found, such as "CPU:0".
    """
    gpus = list_gpus()
    if devices is None:
        devices = [gpu.device for gpu in gpus] or ["CPU:0"]
    used = list(devices) if uses_all_gpus else [devices[0]]
    used_gpus = [gpu for gpu in gpus if gpu.device in used]
    policy = _pick_precision(used_gpus) if precision == "auto" else precision
    is_nvidia = any(gpu.compute_capability for gpu in used_gpus)
    return DeviceChoice(
        title=_title(used, used_gpus),
        why=f"{_why_device(used, used_gpus, len(devices))}, {_why_precision(policy, used_gpus, precision)}",
        precision=policy,
        is_gpu=bool(used_gpus),
        num_devices=len(used),
        # As Keras decides by itself on one NVIDIA GPU. On a CPU, XLA was eleven times slower than without it
        # (EfficientNet-Lite0, two cores), and copies on several devices do not compile together.
        jit_compile=is_nvidia and len(used) == 1,
        memory_bytes=_usable_memory_bytes(used_gpus),
        strategy=tf.distribute.MirroredStrategy(used) if len(used) > 1 else None,
    )


@contextlib.contextmanager
def using_precision(choice: DeviceChoice) -> Iterator[None]:
    """Build layers in the precision of the choice; afterwards Keras' own is as it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(choice.precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def training_bytes_per_photo(model: keras.Model) -> int:
    """Memory that training a network takes for each photo of a batch, in bytes; a rough figure, rather too high.

    Args:
        model: built; the outputs of all its layers count, in float32, and again as gradients. What a Hub module
            computes inside is not known.
    """
    outputs = [output for layer in _leaf_layers(model) for output in keras.tree.flatten(layer.output)]
    num_values: int = sum(math.prod(output.shape[1:]) for output in outputs)
    return num_values * _FLOAT32_BYTES * _COPIES_IN_TRAINING


def pick_batch_size(
    asked: int, choice: DeviceChoice, *, bytes_per_photo: int, log: Callable[[str], None] | None = None
) -> int:
    """The batch size that was asked for, halved until it should fit into the memory, where that is known.

    Args:
        asked: photos per step, of all devices together.
        choice: the devices.
        bytes_per_photo: as `training_bytes_per_photo` estimates it.
        log: is told when fewer are taken.
    """
    if choice.memory_bytes is None:
        return asked
    usable_bytes = choice.memory_bytes * choice.num_devices * _USABLE_SHARE
    batch_size = asked
    while batch_size > 1 and batch_size * bytes_per_photo > usable_bytes:
        batch_size //= 2
    if batch_size < asked and log is not None:
        log(
            f"{asked:,} photos at a time would take about {_gigabytes(asked * bytes_per_photo)} of memory, and "
            f"{_gigabytes(int(usable_bytes))} can be used; {batch_size:,} are taken at a time instead."
        )
    return batch_size


def with_smaller_batches(train: Callable[[int], T], batch_size: int, *, log: Callable[[str], None]) -> T:
    """Train, and again with half the batch whenever the memory does not suffice.

    Args:
        train: is given the batch size; begins from the same state each time.
        batch_size: to begin with, at least 1.
        log: is told of each halving.

    Raises:
        TrainingMemoryError: the memory does not suffice for one photo at a time.
    """
    while True:
        try:
            return train(batch_size)
        except (tf.errors.OpError, MemoryError) as exc:
            if not is_out_of_memory(exc):
                raise
            first_line = (str(exc).strip() or type(exc).__name__).splitlines()[0]
        # Here the error is gone, and with it the frames that held on to the memory.
        gc.collect()
        if batch_size == 1:
            raise TrainingMemoryError(
                "There is not enough memory to train this network, even with one photo at a time. Choose a smaller "
                "backbone or smaller photos, fine-tune fewer layers, or close other programs, and start the run "
                f"again. (TensorFlow said: {first_line[:300]})"
            )
        log(
            f"The memory did not suffice for {batch_size:,} photos at a time; trying again with {batch_size // 2:,}. "
            f"(TensorFlow said: {first_line[:300]})"
        )
        batch_size //= 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the machine or of a GPU, did not suffice."""
    text = str(error).lower()
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return _DISK_FULL_SIGN not in text
    is_vague = isinstance(error, tf.errors.InternalError | tf.errors.UnknownError)
    return is_vague and any(sign in text for sign in _OUT_OF_MEMORY_SIGNS)


def _leaf_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaf_layers(layer)
        else:
            yield layer


def _nvidia_memory_bytes() -> dict[str, int]:
    """Memory of each kind of NVIDIA GPU by its name, the least where two of a name differ; empty without the tool.

    TensorFlow tells how much it has taken, not how much there is.
    """
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_NVIDIA_SMI_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_nvidia_memory(answer)


def parse_nvidia_memory(answer: str) -> dict[str, int]:
    """Memory in bytes by name, from lines such as "NVIDIA RTX A2000, 12282" (mebibytes)."""
    memory: dict[str, int] = {}
    for line in answer.splitlines():
        title, _, mebibytes = (part.strip() for part in line.rpartition(","))
        if mebibytes.isdecimal():  # "[N/A]" on machines where GPU and processor share their memory
            memory[title] = min(int(mebibytes) * 2**20, memory.get(title, 2**63))
    return memory


def _pick_precision(gpus: Sequence[Gpu]) -> str:
    is_faster = bool(gpus) and all((gpu.compute_capability or (0, 0)) >= _MIXED_SINCE for gpu in gpus)
    return "mixed_float16" if is_faster else "float32"


def _usable_memory_bytes(gpus: Sequence[Gpu]) -> int | None:
    if not gpus:
        return int(psutil.virtual_memory().available)
    known = [gpu.memory_bytes for gpu in gpus if gpu.memory_bytes is not None]
    return min(known) if len(known) == len(gpus) else None


def _title(used: Sequence[str], gpus: Sequence[Gpu]) -> str:
    if not gpus:
        cores = num_usable_cores()
        title = f"CPU, {cores} core{'s' if cores > 1 else ''}"
        return title if len(used) == 1 else f"{title}, as {len(used)} devices"
    if len(gpus) > 1:
        return f"{len(gpus)} GPUs"
    (gpu,) = gpus
    return gpu.title if gpu.memory_bytes is None else f"{gpu.title}, {gpu.memory_bytes / 2**30:.0f} GB"


def _why_device(used: Sequence[str], gpus: Sequence[Gpu], num_present: int) -> str:
    if not gpus and len(used) == 1:
        return "The processor (CPU) trains, because TensorFlow finds no GPU on this machine"
    if len(used) > 1:
        return f"{len(used)} {'GPUs' if gpus else 'devices'} train together, as asked"
    if num_present > 1:
        return f"The first of {num_present} GPUs trains, because using all was not asked for"
    return "The GPU trains, being faster than the processor"


def _why_precision(policy: str, gpus: Sequence[Gpu], asked: Precision) -> str:
    words = {
        "float32": "with numbers of full precision (float32)",
        "mixed_float16": "with numbers of half precision where they suffice (mixed_float16)",
        "mixed_bfloat16": "with numbers of half precision where they suffice (mixed_bfloat16)",
    }[policy]
    if asked != "auto":
        return f"{words} as asked"
    if policy == "float32":
        return f"{words}, which {'these GPUs' if len(gpus) > 1 else 'this GPU' if gpus else 'a CPU'} computes fastest"
    return f"{words}, which is faster there"


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"
