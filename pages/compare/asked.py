"""Models that are asked about more photos on the page; what one said is kept for all visitors of a space while the
server runs."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.evaluation.asking import ask
from core.inference.classifier import Classifier
from core.services import Services
from pages.words.wording import count, time_left

Key = tuple[str, int | None, str]  # workspace, space, fingerprint of a model
Said = Mapping[str, npt.NDArray[np.float32] | None]  # by photo hash; None: its file cannot be read

MAX_PHOTOS = 500  # that are asked about at a click: half a minute with a slow network

_MAX_MODELS = 32
_MAX_ANSWERS = 100_000  # of all models together; those to 1,000 photos with ten classes take 200 kB
_PORTION = 32  # photos between two moments at which what is done is kept


class AskedStore:
    """What models said, by space and fingerprint; the longest unused ones are forgotten; safe for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: OrderedDict[Key, dict[str, npt.NDArray[np.float32] | None]] = OrderedDict()

    def get(self, key: Key) -> Said:
        """What one model said so far."""
        with self._lock:
            if key in self._said:
                self._said.move_to_end(key)
            return dict(self._said.get(key, {}))

    def add(self, key: Key, said: Said) -> None:
        """Keep what one model said."""
        with self._lock:
            mine = self._said.setdefault(key, {})
            self._said.move_to_end(key)
            mine.update(said)
            while len(self._said) > 1 and (len(self._said) > _MAX_MODELS or self._num_answers() > _MAX_ANSWERS):
                self._said.popitem(last=False)
            for forgotten in list(mine)[: max(0, len(mine) - _MAX_ANSWERS)]:
                del mine[forgotten]

    def _num_answers(self) -> int:
        """The caller holds the lock."""
        return sum(map(len, self._said.values()))


@st.cache_resource(show_spinner=False)
def _store() -> AskedStore:
    return AskedStore()


def asked_about(fingerprint: str, services: Services) -> Said:
    """What a model was asked about on this page, by whichever visitor of the same space."""
    return _store().get(_key(fingerprint, services))


def ask_with_progress(
    fingerprint: str, classifier: Classifier, photo_hashes: Collection[str], services: Services
) -> None:
    """Ask a model about photos while the visitor watches; a click on anything stops it, and nothing asked is lost."""
    records = services.library.photos.get(photo_hashes)
    todo = [photo_hash for photo_hash in photo_hashes if photo_hash in records]
    _store().add(_key(fingerprint, services), {each: None for each in photo_hashes if each not in records})
    place = st.container(horizontal=True, vertical_alignment="center")
    bar = place.progress(0.0, text=f"Asking about {count(len(todo), 'photo')}")
    place.button("Stop", icon=":material/stop:", key="compare.stop")
    started = time.monotonic()
    for begin in range(0, len(todo), _PORTION):
        portion = todo[begin : begin + _PORTION]
        said = ask(
            classifier,
            [records[each] for each in portion],
            services.photo_store,
            num_threads=services.settings.num_inference_threads,
        )
        _store().add(_key(fingerprint, services), {each: said.get(each) for each in portion})
        num_done = begin + len(portion)
        left = (time.monotonic() - started) / num_done * (len(todo) - num_done)
        bar.progress(num_done / len(todo), text=f"{num_done} of {count(len(todo), 'photo')}{time_left(left)}")


def _key(fingerprint: str, services: Services) -> Key:
    # Tests, and nobody else, have several workspaces in one process.
    return str(services.settings.workspace_dir), services.space_id, fingerprint
