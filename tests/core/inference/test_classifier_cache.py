"""Networks are loaded once, and nothing is kept of what nobody needs."""

import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from core.backbones.catalog import Backbone, find_backbone
from core.errors import ArtefactMissingError
from core.foreign.library import ForeignLibrary
from core.inference.classifier_cache import ClassifierCache
from core.inference.own_classifiers import OwnClassifiers
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database


def test_nothing_is_kept_of_a_network_that_was_loaded(prepared_settings: Settings, lite0: Backbone):
    """Loading, also by many at once and when it fails, leaves no lock behind: there is one per way of deciding."""
    cache = ClassifierCache(prepared_settings)
    with ThreadPoolExecutor(4) as threads:
        loaded = {id(classifier) for classifier in threads.map(lambda _: cache.get(lite0), range(8))}
    with pytest.raises(ArtefactMissingError):
        cache.get(find_backbone("MobileNetV2"))
    gc.collect()  # the error's traceback holds what was on the stack
    assert len(loaded) == 1
    assert len(cache._loading) == 0


def test_the_cache_loads_a_backbone_once(prepared_settings: Settings, lite0: Backbone):
    """Sessions share the interpreters."""
    cache = ClassifierCache(prepared_settings)
    assert cache.get(lite0) is cache.get(lite0)


def test_the_cache_says_what_is_not_prepared(prepared_settings: Settings):
    """Asking for a backbone that was never prepared is an error that pages can answer."""
    with pytest.raises(ArtefactMissingError):
        ClassifierCache(prepared_settings).get(find_backbone("EfficientNetLite2"))


def test_a_network_is_found_again_by_its_fingerprint(prepared_settings: Settings, lite0: Backbone):
    """Also when it was let go in the meantime; what nobody has asked for is not found."""
    cache = ClassifierCache(prepared_settings)
    with closing(open_database(prepared_settings)) as database:
        own, other = (OwnClassifiers(cache, RunLibrary(database), ForeignLibrary(database)) for _ in range(2))
        fingerprint = own.get(lite0).fingerprint
        cache._loaded.clear()
        assert own.find(fingerprint).fingerprint == fingerprint
        assert own.find(fingerprint) is cache.get(lite0)
        assert own.find("made up") is None
        assert other.find(fingerprint) is None


def test_networks_in_memory_are_limited_by_a_setting(prepared_settings: Settings, lite0: Backbone):
    """The last one that was asked for always stays: it is needed just now."""
    cache = ClassifierCache(replace(prepared_settings, loaded_network_bytes=0))
    first = cache.get(lite0)
    cache._keep(("another", 1), first)
    assert list(cache._loaded) == [("another", 1)]
