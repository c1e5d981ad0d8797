"""The store that the settings name, opened once for all who work in a process."""

from functools import lru_cache
from pathlib import Path

from core.settings import Settings
from core.storage.store import NO_STORE, Store


def open_store(settings: Settings) -> Store:
    """The store that the settings name; the same one for the same settings.

    Raises:
        SettingsError: `store_url` is no address of a store, or what reads such addresses is not installed.
    """
    if not settings.store_url:
        return NO_STORE
    return _open(settings.store_url, settings.workspace_dir, settings.cache_path, settings.store_cache_bytes)


@lru_cache(maxsize=16)
def _open(url: str, workspace_dir: Path, cache_path: Path, cache_bytes: int) -> Store:
    from core.storage.object_store import ObjectStore  # which loads what few need

    return ObjectStore(url, workspace_dir, cache_path, max_bytes=cache_bytes)
