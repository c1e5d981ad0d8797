"""Runs in a process of its own: lets a library of public data sets download into a folder.

`python -m core.datasets.sources.library_download kaggle FOLDER owner/name`
`python -m core.datasets.sources.library_download tensorflow FOLDER NAME MAX_PHOTOS`

Such a library cannot be stopped in the middle, sets up logging as it likes and may load TensorFlow; a process can be
ended, and takes all of that with it. The photos are in FOLDER/photos afterwards. The last line of the output is JSON:
{} or {"error": type's name, "status": HTTP status or null, "message": text}.
"""

import json
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PHOTOS_FOLDER = "photos"

# What builders call their splits. Others, such as "unlabelled" or "corrupted", are read only where there are no such.
_SPLIT_FOLDERS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
_SUFFIXES = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"))


class NotImagesError(Exception):
    """The data set is not one of labelled photos; the text says what it has."""


def main(arguments: list[str]) -> None:
    """Download, and say on the last line how it went."""
    _end_with_parent()
    kind, folder, *rest = arguments
    answer: dict[str, Any] = {}
    try:
        _DOWNLOADS[kind](Path(folder), *rest)
    except Exception as exc:  # noqa: BLE001 - whatever a library raises is reported to the parent process
        status = getattr(getattr(exc, "response", None), "status_code", None)
        answer = {"error": type(exc).__name__, "status": status, "message": str(exc)}
    print("\n" + json.dumps(answer), flush=True)
    # Threads of the library may still wait for their network.
    os._exit(0)


def _end_with_parent() -> None:
    """End this process when the parent's end of the pipe is closed, however the parent ended."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _download_from_kaggle(folder: Path, handle: str) -> None:
    import kagglehub

    target = str(folder / PHOTOS_FOLDER)
    try:
        kagglehub.dataset_download(handle, output_dir=target)  # at once when it is there already
    except FileExistsError:
        # Left by a download that was stopped.
        kagglehub.dataset_download(handle, output_dir=target, force_download=True)


def _download_from_tensorflow(folder: Path, name: str, max_photos: str) -> None:
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=str(folder / "data"))
    top = builder.info.features
    features = dict(top.items()) if isinstance(top, tfds.features.FeaturesDict) else {}
    is_labelled = isinstance(features.get("label"), tfds.features.ClassLabel)
    if not isinstance(features.get("image"), tfds.features.Image) or not is_labelled:
        raise NotImagesError("it has " + (", ".join(sorted(features)) or "no features"))
    builder.download_and_prepare(download_dir=str(folder / "downloads"))
    for split, folder_name, max_of_split in _shares(builder.info.splits, int(max_photos)):
        photos = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()}, shuffle_files=False)
        _write_photos(
            folder / PHOTOS_FOLDER / folder_name, tfds.as_numpy(photos), features["label"], max_photos=max_of_split
        )


def _shares(splits: Any, max_photos: int) -> Iterator[tuple[str, str, int]]:
    """Split, its folder, and how many photos to take from it, in proportion to the splits' sizes.

    A data set with one split is not split at all, whatever the name: it gets no folder for it.
    """
    known = [name for name in splits if name in _SPLIT_FOLDERS] or list(splits)
    total = sum(splits[name].num_examples for name in known) or 1
    left = max_photos
    for name in known:
        share = min(left, max(1, round(max_photos * splits[name].num_examples / total)))
        left -= share
        yield name, _SPLIT_FOLDERS.get(name, "") if len(known) > 1 else "", share


def _write_photos(folder: Path, examples: Iterator[Any], label: Any, *, max_photos: int) -> None:
    """As many photos of each class, as far as there are enough; the files are in no useful order."""
    max_of_class = -(-max_photos // label.num_classes)
    written: Counter[int] = Counter()
    for example in examples:
        index = int(example["label"])
        if index < 0 or written[index] >= max_of_class:
            continue  # below 0: a photo without a label
        written[index] += 1
        data = example["image"]
        suffix = next((suffix for start, suffix in _SUFFIXES if data.startswith(start)), ".img")
        target = folder / _folder_name(label.int2str(index)) / f"{written.total():06d}{suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if written.total() >= max_photos:
            return


def _folder_name(label: str) -> str:
    """A label as the name of a folder on every system."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "-", label).strip(". ")[:100] or "unnamed"


_DOWNLOADS: dict[str, Callable[..., None]] = {"kaggle": _download_from_kaggle, "tensorflow": _download_from_tensorflow}


if __name__ == "__main__":
    main(sys.argv[1:])
