"""Networks are loaded once, and nothing is kept of what nobody needs."""

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.backbones.catalog import Backbone, find_backbone
from core.errors import ArtefactMissingError
from core.inference.classifier_cache import ClassifierCache
from core.settings import Settings


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
