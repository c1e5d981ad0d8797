"""`core.features.cache`: what was computed is found again; what was damaged is not believed."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.environment import to_environment
from core.features import cache as cache_module
from core.features.cache import FeatureCache
from core.settings import Settings
from tests.conftest import PROJECT_DIR

NETWORK, FIT = "0123456789abcdef", "crop"


def made_features(num: int, seed: int = 0, num_channels: int = 1280) -> dict[str, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(num, num_channels)).astype(np.float32)
    return {f"{seed:032x}{position:032x}": row for position, row in enumerate(values)}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for photo_hash, values in expected.items():
        np.testing.assert_array_equal(found[photo_hash], values)
        assert found[photo_hash].dtype == np.float32


@pytest.fixture(params=[False, True], ids=["one host", "several hosts"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return Settings(workspace_dir=tmp_path / "workspace", cache_is_shared=request.param)


@pytest.fixture
def cache(settings: Settings) -> FeatureCache:
    return FeatureCache(settings)


@pytest.fixture
def path(settings: Settings, cache: FeatureCache) -> Path:
    """The cache's file, with something in it."""
    cache.put(NETWORK, FIT, made_features(20))
    (found,) = settings.cache_path.rglob("*.sqlite3")
    return found


def test_features_come_back_exactly(cache: FeatureCache):
    """Every bit is kept, and photos without features are left out."""
    features = made_features(700)
    cache.put(NETWORK, FIT, features)
    assert_same(cache.get(NETWORK, FIT, [*features, "unknown"]), features)
    assert cache.missing(NETWORK, FIT, ["unknown", *features, "other"]) == ["unknown", "other"]


@pytest.mark.parametrize(
    "other", [("another", FIT, ""), (NETWORK, "squash", ""), (NETWORK, FIT, "3")], ids=["network", "fit", "view"]
)
def test_networks_fits_and_views_are_kept_apart(cache: FeatureCache, other: tuple[str, str, str]):
    """Features belong to one network, one way of fitting and one view."""
    features = made_features(3)
    cache.put(NETWORK, FIT, features)
    assert cache.get(other[0], other[1], features, view=other[2]) == {}
    changed = {photo_hash: values + 1 for photo_hash, values in features.items()}
    cache.put(other[0], other[1], changed, view=other[2])
    assert_same(cache.get(NETWORK, FIT, features), features)
    assert_same(cache.get(other[0], other[1], features, view=other[2]), changed)


def test_networks_side_by_side_have_no_features_but_their_members(cache: FeatureCache):
    """What a network alone has computed counts for all together, bit by bit; a photo that one of them lacks is missing.

    And the other way round: what all together have computed is there for each alone.
    """
    first = made_features(6, seed=1)
    second = dict(zip(first, made_features(6, seed=2).values(), strict=True))
    cache.put("aa", FIT, first)
    known = list(second)[:4]
    cache.put("bb", FIT, {photo_hash: second[photo_hash] for photo_hash in known})
    expected = {photo_hash: np.concatenate([first[photo_hash], second[photo_hash]]) for photo_hash in known}
    assert_same(cache.get("aa_bb", FIT, first), expected)
    assert cache.missing("aa_bb", FIT, first) == list(first)[4:]
    cache.put("bb_aa", FIT, {"new": np.arange(8, dtype=np.float32)}, view="mirrored")
    np.testing.assert_array_equal(cache.get("bb", FIT, ["new"], view="mirrored")["new"], np.arange(4))
    np.testing.assert_array_equal(cache.get("aa", FIT, ["new"], view="mirrored")["new"], np.arange(4, 8))


def test_what_is_put_again_replaces(cache: FeatureCache):
    """The latest features count."""
    features = made_features(3)
    cache.put(NETWORK, FIT, features)
    changed = {photo_hash: -values for photo_hash, values in features.items()}
    cache.put(NETWORK, FIT, changed)
    assert_same(cache.get(NETWORK, FIT, features), changed)


def test_nothing_is_asked_or_put(cache: FeatureCache):
    """Empty questions have empty answers."""
    cache.put(NETWORK, FIT, {})
    assert cache.get(NETWORK, FIT, []) == {}
    assert cache.missing(NETWORK, FIT, []) == []


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000, None], ids=["empty", "nonsense", "cut off"])
def test_a_damaged_file_is_begun_anew(cache: FeatureCache, path: Path, content: bytes | None):
    """Nothing fails: what is lost counts as unknown, and the cache works again."""
    path.write_bytes(path.read_bytes()[: 3 * 16_384 + 100] if content is None else content)
    features = made_features(20)
    found = cache.get(NETWORK, FIT, features)
    assert_same(found, {photo_hash: features[photo_hash] for photo_hash in found})
    for _ in range(2):  # the first use of a damaged file may be spent on noticing
        cache.put(NETWORK, FIT, features)
    assert_same(cache.get(NETWORK, FIT, features), features)


def test_damaged_features_are_not_believed(cache: FeatureCache, path: Path):
    """A changed byte, or the features of another photo, are noticed and can be replaced."""
    features = made_features(20)
    first, second, *others = features
    with closing(sqlite3.connect(path)) as connection, connection:
        (content,) = connection.execute("SELECT content FROM features WHERE photo = ?", (first,)).fetchone()
        changed = bytes([content[0] ^ 1]) + content[1:]
        connection.execute("UPDATE features SET content = ? WHERE photo = ?", (changed, first))
        connection.execute(
            "UPDATE features SET (checksum, content) = (SELECT checksum, content FROM features WHERE photo = ?)"
            " WHERE photo = ?",
            (others[0], second),
        )
    assert_same(cache.get(NETWORK, FIT, features), {name: features[name] for name in others})
    cache.put(NETWORK, FIT, features)
    assert_same(cache.get(NETWORK, FIT, features), features)


def test_a_folder_that_cannot_be_used_costs_only_time(settings: Settings, cache: FeatureCache):
    """Where no file can be written nothing is kept, and nothing fails."""
    settings.cache_path.mkdir(parents=True)
    (settings.cache_path / "features").write_text("in the way")
    features = made_features(3)
    cache.put(NETWORK, FIT, features)
    assert cache.get(NETWORK, FIT, features) == {}
    assert cache.missing(NETWORK, FIT, features) == list(features)


def test_the_longest_unused_are_deleted(settings: Settings):
    """The file stays below its limit; what was used lately survives."""
    limit = 2_000_000
    cache = FeatureCache(replace(settings, feature_cache_bytes=limit))
    old, used = made_features(100, seed=1), made_features(100, seed=2)
    cache.put(NETWORK, FIT, old)
    cache.put(NETWORK, FIT, used)
    (path,) = settings.cache_path.rglob("*.sqlite3")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE features SET used_at = used_at - 100000")
    assert len(cache.get(NETWORK, FIT, used)) == 100
    for seed in range(3, 5):
        cache.put(NETWORK, FIT, made_features(100, seed=seed))
    assert path.stat().st_size <= limit
    assert len(cache.get(NETWORK, FIT, used)) == 100
    assert len(cache.get(NETWORK, FIT, old)) < 50
    assert len(cache.get(NETWORK, FIT, made_features(100, seed=4))) == 100


def test_a_lower_limit_makes_the_file_smaller(settings: Settings, path: Path):
    """Whoever lowers the setting gets the space back."""
    FeatureCache(settings).put(NETWORK, FIT, made_features(1000, seed=1))
    before = path.stat().st_size
    FeatureCache(replace(settings, feature_cache_bytes=500_000)).put(NETWORK, FIT, made_features(1, seed=2))
    assert path.stat().st_size <= 500_000 < before


def _put_and_get(settings: Settings, seed: int) -> int:
    cache = FeatureCache(settings)
    for round_number in range(5):
        cache.put(NETWORK, FIT, made_features(20, seed=1000 * seed + round_number))
    return sum(
        len(cache.get(NETWORK, FIT, made_features(20, seed=1000 * seed + round_number))) for round_number in range(5)
    )


_WRITER = """
import sys
import numpy as np
from core.environment import load_settings
from core.features.cache import FeatureCache

cache = FeatureCache(load_settings())
for number in range(5):
    photos = [f"{sys.argv[3]}-{number}-{photo}" for photo in range(20)]
    cache.put(sys.argv[1], sys.argv[2], dict.fromkeys(photos, np.ones(1280, np.float32)))
"""


def test_two_processes_use_it_at_once(settings: Settings, cache: FeatureCache):
    """Nothing is lost when two processes begin the file and write to it at the same time."""
    # Not `multiprocessing`: its children run the main module again, which Streamlit's tests have replaced.
    environment = {**os.environ, **to_environment(settings)}
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, NETWORK, FIT, name], env=environment, cwd=PROJECT_DIR)
        for name in ("first", "second")
    ]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    hashes = [f"{name}-{number}-{photo}" for name in ("first", "second") for number in range(5) for photo in range(20)]
    assert cache.missing(NETWORK, FIT, hashes) == []


def test_many_threads_use_it_at_once(settings: Settings):
    """Threads share one cache object."""
    _put_and_get(settings, 0)
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(lambda seed: _put_and_get(settings, seed), range(1, 7))) == [100] * 6


def journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


def test_several_hosts_never_share_a_write_ahead_log(settings: Settings, path: Path):
    """Its memory cannot be shared over a network: what several hosts write has a rollback journal."""
    assert journal_mode(path) == ("delete" if settings.cache_is_shared else "wal")


@pytest.mark.parametrize("settings", [False], indirect=True)
def test_a_network_folder_is_taken_for_shared_and_an_older_file_left_alone(
    settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where a cache with a log is found on the network, it is not even opened."""
    written_at, log = path.stat().st_mtime_ns, path.with_name(f"{path.name}-wal")
    monkeypatch.setattr(cache_module, "is_on_network", lambda _: True)
    cache = FeatureCache(settings)
    cache.put(NETWORK, FIT, made_features(20))
    assert cache.missing(NETWORK, FIT, made_features(20)) == []
    (shared,) = set(path.parent.glob("*.sqlite3")) - {path}
    assert journal_mode(shared) == "delete"
    assert path.stat().st_mtime_ns == written_at
    assert not log.exists()


def test_of_photos_that_are_forgotten_nothing_is_left_in_the_file(cache: FeatureCache, path: Path):
    """Neither their names nor their features, of whatever network and view; the others are as they were."""
    going, staying = made_features(30, seed=1), made_features(30, seed=2)
    for network, view in ((NETWORK, ""), (NETWORK, "view 1"), ("f" * 16, "")):
        cache.put(network, FIT, going | staying, view=view)
    assert cache.forget([*going, "unknown"]) == 90
    assert cache.forget(going) == 0
    content = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert not any(name.encode() in content or values.tobytes()[:64] in content for name, values in going.items())
    assert_same(cache.get("f" * 16, FIT, [*going, *staying]), staying)


def test_forgetting_before_anything_was_kept(cache: FeatureCache, settings: Settings):
    """No file is made for it."""
    assert cache.forget(["0" * 64]) == 0
    assert not settings.cache_path.exists()
