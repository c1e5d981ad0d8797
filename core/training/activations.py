"""What the layers below the cut make of each view: computed once and kept while a phase lasts, where there is room.

The numbers are many: a photo's activations in the middle of a network take some 100 kB, so they are not kept for later
runs, and what fits neither into memory nor on the disk is computed anew in every epoch.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from core.errors import NoSpaceError
from core.networks.convert import convert_to_litert
from core.networks.network import SplitNetwork
from core.photos.record import PhotoRecord
from core.settings import Settings
from core.storage.files import ensure_free_space, write_atomically
from core.training.encoders import ActivationEncoder, Array, Encoder, KerasEncoder, PixelEncoder
from core.training.inputs import CachedInputs, Inputs, StreamedInputs
from core.training.mapped_array import MappedArray
from core.training.photos import ViewLoader
from core.training.source import NetworkSource

# Of the memory that is free, what activations may take: the trained part needs some as well.
_MEMORY_SHARE = 0.4
# LiteRT files of lower parts that are kept; each is at most as large as its backbone.
_MAX_LOWER_FILES = 12


def lower_encoder(split: SplitNetwork, source: NetworkSource, settings: Settings, *, is_gpu: bool) -> Encoder:
    """The layers below the cut as an encoder.

    Args:
        split: the backbone in two parts.
        source: where it came from.
        settings: folders and limits.
        is_gpu: whether Keras runs on a GPU.

    Raises:
        StorageError: the LiteRT file cannot be written.
    """
    num_threads = settings.num_inference_threads
    if len(split.lower.layers) == 1:  # the input alone
        return PixelEncoder(source.image_size, num_threads=num_threads)
    if is_gpu or source.artefact is None or len(split.activation_shape) != 3:
        return KerasEncoder(split.lower, num_threads=num_threads)
    folder = settings.cache_path / "lower"
    path = folder / f"{source.artefact.record.fingerprint}-{split.boundary}.tflite"
    if not path.is_file():
        with write_atomically(path) as temporary:
            convert_to_litert(split.lower_with_features(), temporary)
        _remove_oldest(folder)
    return ActivationEncoder(path, split.activation_shape, num_threads=num_threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPlan:
    """How the inputs of a phase are made."""

    loader: ViewLoader
    encoder: Encoder
    settings: Settings
    folder: Path  # for what does not fit into memory; the caller removes it
    seed: int
    watch: Callable[[int], None]  # told how many more views are done; may raise to stop
    note: Callable[[str], None]  # told what does not fit
    mapped_arrays: list[MappedArray]  # those in files are put here; the caller closes them before it removes the folder

    def inputs(self, photos: Sequence[PhotoRecord], num_views: int | None, *, name: str) -> Inputs:
        """The inputs of a split's photos.

        Args:
            photos: of the split.
            num_views: of each photo, itself included; None: a new view in every epoch.
            name: of the split, for the file's name.

        Raises:
            DatasetError: a photo's file is missing or was changed.
            ImageError: a photo cannot be decoded.
            StorageError: the disk failed.
        """
        if num_views is None:
            return self._streamed(photos, None)
        kept = self._make_room((len(photos), num_views, *self.encoder.shape), name)
        if kept is None:
            return self._streamed(photos, num_views)
        self.fill(kept, photos)
        return CachedInputs(values=kept, seed=self.seed)

    def fill(self, target: Array | MappedArray, photos: Sequence[PhotoRecord]) -> None:
        """Write the activations of all views into an array (photos, views, *encoder.shape)."""
        items = [(row, view) for row in range(len(photos)) for view in range(target.shape[1])]
        answers = self.encoder.encode(lambda item: self.loader.load(photos[item[0]], item[1]), items)
        for (row, view), values in zip(items, answers, strict=True):
            target[row, view] = values
            self.watch(1)

    def _streamed(self, photos: Sequence[PhotoRecord], num_views: int | None) -> StreamedInputs:
        return StreamedInputs(
            photos=tuple(photos), loader=self.loader, encoder=self.encoder, num_views=num_views, seed=self.seed
        )

    def _make_room(self, shape: tuple[int, ...], name: str) -> Array | MappedArray | None:
        """An empty array in memory, else on the disk, else none."""
        num_bytes = math.prod(shape) * np.dtype(self.encoder.dtype).itemsize
        memory_bytes = min(self.settings.activation_memory_bytes, _MEMORY_SHARE * psutil.virtual_memory().available)
        if num_bytes <= memory_bytes:
            return np.empty(shape, self.encoder.dtype)
        try:
            if num_bytes > self.settings.activation_disk_bytes:
                raise NoSpaceError("more than the setting activation_disk_bytes allows")
            ensure_free_space(self.folder, num_bytes)
        except NoSpaceError as exc:
            self.note(
                f"What the frozen layers make of the {name} photos ({num_bytes / 1e9:.1f} GB) fits neither into memory "
                f"nor on the disk, so it is computed anew in every epoch: {exc}"
            )
            return None
        mapped = MappedArray(self.folder / f"{name}.bin", shape, self.encoder.dtype)
        self.mapped_arrays.append(mapped)
        return mapped


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.tflite"), key=lambda path: path.stat().st_mtime)
    for path in files[:-_MAX_LOWER_FILES]:
        path.unlink(missing_ok=True)
