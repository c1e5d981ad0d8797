"""The loaded networks as one space may use them: those of the catalogue, and the models of its own runs."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from core.backbones.catalog import Backbone
from core.foreign.library import ForeignLibrary
from core.foreign.records import ForeignModelView
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.runs.library import RunLibrary

# Networks of which is remembered how to load them again, for a photo that they answered.
_MAX_WAYS = 256


class OwnClassifiers:
    """Networks for one space, loaded once for all; safe to share between threads."""

    def __init__(self, cache: ClassifierCache, runs: RunLibrary, foreign: ForeignLibrary) -> None:
        """Lend out networks.

        Args:
            cache: loads them and keeps them, for all spaces.
            runs: of the space.
            foreign: models from elsewhere, of the space.
        """
        self._cache = cache
        self._runs = runs
        self._foreign = foreign
        self._lock = threading.Lock()
        # How the space comes to what it was given, by fingerprint: a model that was handed out has the same in several.
        self._ways: OrderedDict[str, Callable[[], Classifier]] = OrderedDict()

    def get(self, backbone: Backbone) -> Classifier:
        """The classifier of a backbone; see `ClassifierCache.get`."""
        return self._note(self._cache.get(backbone), lambda: self.get(backbone))

    def get_trained(self, run_id: int) -> Classifier:
        """The classifier of a run's model; see `ClassifierCache.get_trained`.

        Raises:
            UnknownRunError: the space has no such run.
        """
        self._runs.get_run(run_id)
        return self._note(self._cache.get_trained(run_id), lambda: self.get_trained(run_id))

    def get_foreign(self, model: ForeignModelView) -> Classifier:
        """The classifier of a model from elsewhere; see `ClassifierCache.get_foreign`.

        Raises:
            UnknownForeignModelError: the space has no such model.
        """
        own = self._foreign.get(model.id)
        return self._note(self._cache.get_foreign(own), lambda: self.get_foreign(own))

    def find(self, fingerprint: str) -> Classifier | None:
        """The classifier that answers as one with this fingerprint did, loaded again where it was let go.

        None: the space has not asked for it, or the model answers otherwise by now.

        Raises:
            BluetitError: it cannot be loaded any more.
        """
        with self._lock:
            load = self._ways.get(fingerprint)
        classifier = None if load is None else load()
        return classifier if classifier is not None and classifier.fingerprint == fingerprint else None

    def _note(self, classifier: Classifier, load: Callable[[], Classifier]) -> Classifier:
        with self._lock:
            self._ways[classifier.fingerprint] = load
            self._ways.move_to_end(classifier.fingerprint)
            while len(self._ways) > _MAX_WAYS:
                self._ways.popitem(last=False)
        return classifier
