"""Loaded networks, kept for whoever asks next, as far as memory allows."""

import hashlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

from core.backbones.artefacts import ArtefactRecord, find_artefact, load_artefact
from core.backbones.catalog import Backbone
from core.errors import ArtefactDamagedError, BackboneError, RunFileError
from core.foreign.engine import ForeignEngine, ForeignNetwork
from core.foreign.records import ForeignModelView
from core.inference.class_table import ClassTable
from core.inference.classifier import Classifier, squares_of
from core.inference.judging import Judge, Rule, read_rule
from core.inference.trained_model import find_trained_model, read_model_record
from core.litert.both_ways import BothWaysEngine
from core.litert.engine import FeatureEngine
from core.litert.shared_engine import SharedEngine
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.settings import Settings


class ClassifierCache:
    """The classifiers that are loaded, shared by all sessions; the longest unused ones are let go.

    Networks are shared too: all heads on one backbone, and the backbone's own ImageNet head, have it loaded once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # held for moments only
        # Held while that one is being loaded, and forgotten when nobody holds or awaits it any more.
        self._loading: weakref.WeakValueDictionary[Hashable, threading.Lock] = weakref.WeakValueDictionary()
        self._loaded: OrderedDict[tuple[Hashable, ...], Classifier] = OrderedDict()
        # By path and fingerprint; a network goes when the last classifier that needs it goes.
        self._engines: weakref.WeakValueDictionary[tuple[Path, str], SharedEngine] = weakref.WeakValueDictionary()
        # By number and content; the process of one ends when the last classifier that needs it goes.
        self._foreign: weakref.WeakValueDictionary[tuple[int, str], ForeignNetwork] = weakref.WeakValueDictionary()

    def get(self, backbone: Backbone) -> Classifier:
        """The classifier of a backbone, for the classes of ImageNet, loaded when first asked for.

        Raises:
            BackboneError: the backbone has no classes of its own.
            ArtefactMissingError: the backbone has not been prepared.
            ArtefactDamagedError: what was prepared is not whole any more.
        """
        if not backbone.has_classes:
            raise BackboneError(
                f"{backbone.title} names nothing by itself: it has features only. Train a model with it, which then "
                "names your classes."
            )
        key = ("backbone", backbone.name)
        classifier = self._get(key, lambda: self._load_backbone(backbone))
        if self._is_out_of_date(classifier, backbone):
            with self._lock:
                self._loaded.pop(key, None)
            classifier = self._get(key, lambda: self._load_backbone(backbone))
        return classifier

    def _is_out_of_date(self, classifier: Classifier, backbone: Backbone) -> bool:
        """Whether a network that answered before it was compared with Keras has been compared now, or thrown away."""
        record = classifier.record
        if not isinstance(record, ArtefactRecord) or record.largest_probability_difference is not None:
            return False
        artefact = find_artefact(backbone, self._settings)
        return artefact is None or artefact.record != record

    def get_trained(self, run_id: int) -> Classifier:
        """The classifier of a finished run's model, for its own classes, loaded when first asked for.

        The description of the model and the decision when it does not know are read at each call: one that was trained
        anew, deleted, or told other limits, does not answer from memory.

        Raises:
            RunFileError: a file of the run is missing or damaged.
            ArtefactMissingError: the backbone below its head is not prepared any more.
            ArtefactDamagedError: what was prepared is not whole any more.
            StorageError: a file cannot be read.
        """
        folder = RunFolder(self._settings, run_id)
        # The whole description is the key: two heads may be alike to the last bit and have other names of classes.
        record, rule = read_model_record(folder), read_rule(folder)
        return self._get(("run", run_id, record, rule), lambda: self._load_trained(folder, rule))

    def get_foreign(self, model: ForeignModelView) -> Classifier:
        """The classifier of a model from elsewhere, which answers in a process of its own.

        Whatever is wrong with it is told by its answers: nothing is loaded here.
        """
        return self._get(("foreign", model.id, _fingerprint_of(model)), lambda: self._load_foreign(model))

    def close(self) -> None:
        """End the processes of models from elsewhere."""
        with self._lock:
            networks = list(self._foreign.values())
        for network in networks:
            network.close()

    def _get(self, key: tuple[Hashable, ...], load: Callable[[], Classifier]) -> Classifier:
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                if key in self._loaded:
                    self._loaded.move_to_end(key)
                    return self._loaded[key]
            classifier = load()
            self._keep(key, classifier)
            return classifier

    def _load_backbone(self, backbone: Backbone) -> Classifier:
        artefact = load_artefact(backbone, self._settings)
        return Classifier.of_artefact(artefact, self._settings, self._engine(artefact.model_path))

    def _load_trained(self, folder: RunFolder, rule: Rule) -> Classifier:
        model = find_trained_model(folder, self._settings)
        try:
            engine = self._engine(model.network_path, model.record.fingerprint if model.head is None else "")
        except ArtefactDamagedError as exc:
            if model.head is not None:
                raise
            raise RunFileError(
                f"The file {model.network_path} is damaged. Package the model again, or train again."
            ) from exc
        model.check(engine)
        return Classifier(
            model.record,
            BothWaysEngine(engine) if model.head is not None and model.record.averages_flips else engine,
            classes=ClassTable(labels=model.record.class_names),
            squares=squares_of(model.record, self._settings),
            head=model.head,
            heat_head=model.heat_head,
            judge=Judge.of(folder, rule, num_features=engine.num_features),
        )

    def _load_foreign(self, model: ForeignModelView) -> Classifier:
        record = ModelRecord(
            class_names=model.class_names,
            image_size=model.record.trial.image_size,
            fit_mode=model.record.fit_mode,
            crop_fraction=model.record.crop_fraction,
            artefact=None,
            fingerprint=_fingerprint_of(model),
            backbone="",
            has_linear_head=False,
        )
        with self._lock:
            key = model.id, model.record.digest
            network = self._foreign.get(key)
            if network is None:
                network = ForeignNetwork(model, self._settings)
                self._foreign[key] = network
        return Classifier(
            record,
            ForeignEngine(network, model, self._settings),
            classes=ClassTable(labels=model.class_names),
            squares=squares_of(record, self._settings),
        )

    def _engine(self, path: Path, fingerprint: str = "") -> SharedEngine:
        """A loaded network.

        Args:
            path: the LiteRT file.
            fingerprint: of what it holds, where the path does not say it as those of artefacts do.
        """
        with self._lock:
            loading = self._loading.setdefault((path, fingerprint), threading.Lock())
        with loading:
            engine = self._engines.get((path, fingerprint))
            if engine is None:
                engine = SharedEngine(path, num_threads=self._settings.num_inference_threads)
                self._engines[path, fingerprint] = engine
            return engine

    def _keep(self, key: tuple[Hashable, ...], classifier: Classifier) -> None:
        with self._lock:
            # What the model of the same run was, or how it decided, until now.
            for outdated in [known for known in self._loaded if known[:2] == key[:2]]:
                del self._loaded[outdated]
            self._loaded[key] = classifier
            while len(self._loaded) > 1 and self._num_loaded_bytes() > self._settings.loaded_network_bytes:
                self._loaded.popitem(last=False)

    def _num_loaded_bytes(self) -> int:
        """What the loaded networks, heads and judges have as files; the caller holds the lock."""
        kept = self._loaded.values()
        engines = {id(_network_of(classifier)): classifier.engine.num_bytes for classifier in kept}
        heads = sum(classifier.head.num_bytes for classifier in kept if classifier.head)
        return sum(engines.values()) + heads + sum(each.judge.num_bytes for each in kept if each.judge)


def _network_of(classifier: Classifier) -> FeatureEngine:
    """What is loaded: one network may be asked by some for a photo alone, by others for its mirror image too."""
    return classifier.engine.engine if isinstance(classifier.engine, BothWaysEngine) else classifier.engine


def _fingerprint_of(model: ForeignModelView) -> str:
    """Hexadecimal: of what the model is, and how its photos are made ready."""
    record = model.record
    parts = (record.digest, record.scaling, record.fit_mode, str(record.crop_fraction), *model.class_names)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
