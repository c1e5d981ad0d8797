"""The loaded networks as one space may use them: those of the catalogue, and the models of its own runs."""

import threading
from collections import OrderedDict

from core.backbones.catalog import Backbone
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.runs.library import RunLibrary

_MAX_ASKED = 256  # fingerprints that are remembered


class OwnClassifiers:
    """Networks for one space, loaded once for all; safe to share between threads."""

    def __init__(self, cache: ClassifierCache, runs: RunLibrary) -> None:
        """Lend out networks.

        Args:
            cache: loads them and keeps them, for all spaces.
            runs: of the space.
        """
        self._cache = cache
        self._runs = runs
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, None] = OrderedDict()  # fingerprints of what the space was given

    def get(self, backbone: Backbone) -> Classifier:
        """The classifier of a backbone; see `ClassifierCache.get`."""
        return self._note(self._cache.get(backbone))

    def get_trained(self, run_id: int) -> Classifier:
        """The classifier of a run's model; see `ClassifierCache.get_trained`.

        Raises:
            UnknownRunError: the space has no such run.
        """
        self._runs.get_run(run_id)
        return self._note(self._cache.get_trained(run_id))

    def find(self, fingerprint: str) -> Classifier | None:
        """The classifier with a fingerprint; None: the space was never given it, or it answers otherwise by now.

        Raises:
            BluetitError: it cannot be loaded any more.
        """
        with self._lock:
            is_known = fingerprint in self._asked
        return self._cache.find(fingerprint) if is_known else None

    def _note(self, classifier: Classifier) -> Classifier:
        with self._lock:
            self._asked[classifier.fingerprint] = None
            self._asked.move_to_end(classifier.fingerprint)
            while len(self._asked) > _MAX_ASKED:
                self._asked.popitem(last=False)
        return classifier
