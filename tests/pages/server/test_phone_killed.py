"""The server is killed in the middle of bursts: what it has acknowledged is there, and what is there is whole."""

import io
import os
import signal
import threading
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from core.datasets.library import Library
from core.phones.links import PhoneLinks
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import open_database
from tests.conftest import link_backbones
from tests.e2e.running_app import running_app
from tests.waiting import wait_until

NUM_PHONES = 3
ENOUGH = 12  # acknowledged photos, in the middle of everything
TIMEOUT_SECONDS = 60.0


def photo(number: int) -> bytes:
    """One as a phone takes it, no two alike."""
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8))
    file = io.BytesIO()
    small.resize((1024, 768)).save(file, "JPEG", quality=90)
    return file.getvalue()


def test_what_was_acknowledged_is_there(tmp_path: Path, prepared_cache: Path) -> None:
    """Every photo with a tick is in the class, once, with a file that holds what was sent."""
    settings = Settings(workspace_dir=tmp_path / "workspace")
    link_backbones(prepared_cache, settings)
    with closing(open_database(settings)) as database:
        library, links = Library(database), PhoneLinks(settings, database)
        dataset_id = library.datasets.create("Pets", ["cat"]).id
        token = links.token_of(links.open(library.classes.of(dataset_id)[0].id).id)
        assert token is not None
    acknowledged: list[int] = []

    def send(phone: int, url: str) -> None:
        for number in range(phone, 10_000, NUM_PHONES):
            headers = {"X-Phone-Link": token, "X-Photo": f"{number:032x}", "X-Burst": f"{phone:032x}"}
            request = urllib.request.Request(f"{url}/bluetit/phone/photos", photo(number), headers)
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
                    acknowledged.append(number)
            except (urllib.error.URLError, OSError):
                return  # it is killed

    with running_app(settings) as app:
        phones = [threading.Thread(target=send, args=(phone, app.url)) for phone in range(NUM_PHONES)]
        for thread in phones:
            thread.start()
        wait_until(lambda: len(acknowledged) >= ENOUGH, TIMEOUT_SECONDS)
        os.kill(app.process.pid, signal.SIGKILL)
        for thread in phones:
            thread.join()
        app.process.wait(TIMEOUT_SECONDS)
    with closing(open_database(settings)) as database:
        library, store = Library(database), PhotoStore(settings.photos_path, settings.cache_path)
        there = [image.photo_hash for image in library.images.of(dataset_id)]
        assert len(there) == len(set(there))
        assert {encode_photo(photo(number), "").record.hash for number in acknowledged} <= set(there)
        assert all(store.read(photo_hash, ".jpg") for photo_hash in there)
        (arrival,) = library.imports.of(dataset_id)
        assert arrival.num_accepted == len(there)
        assert len(library.images.captures(dataset_id)) == NUM_PHONES
