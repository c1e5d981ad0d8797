"""From where modules of TensorFlow Hub may come."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.backbones.hub_places import find_hub_module, is_allowed_redirect
from core.errors import ConfigError
from core.settings import Settings

MODULE = "https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4"


@pytest.mark.parametrize(
    "handle",
    [
        MODULE,
        f"{MODULE}/",
        "https://kaggle.com/models/google/mobilenet-v2/tensorFlow2/035-128-feature-vector/2",
        "https://www.kaggle.com/models/google/mobilenet-v2",
    ],
)
def test_the_publishers_of_the_walk_throughs_are_allowed(settings: Settings, handle: str) -> None:
    """What the recipes name needs no setting."""
    assert find_hub_module(f"hub:{handle}", settings) == handle


@pytest.mark.parametrize(
    "handle",
    [
        "https://tfhub.dev/stranger/x/1",
        "https://www.kaggle.com/models/stranger/x",
        "https://tfhub.dev/googlewho/x/1",
        "https://tfhub.dev/google",
        "https://tfhub.dev/google/../stranger/x/1",
        "https://tfhub.dev/google/./x/1",
        "https://tfhub.dev/google//stranger/x",
        "https://tfhub.dev/google/%2e%2e/stranger/x/1",
        "https://tfhub.dev/google/x?next=https://example.org",
        "https://tfhub.dev/google/x#1",
        "https://tfhub.dev/google/x;1",
        "https://tfhub.dev\\google/x/1",
        "https://tfhub.dev/google\\..\\stranger",
        "https://tfhub.dev/google/x\nHost: example.org",
        "https://tfhub.dev/google/\uff0e\uff0e/x",
        "HTTPS://TFHUB.DEV/stranger/x/1",
        "https://TFHUB.DEV/google/x/1",
        "https://tfhub.dev:8443/google/x/1",
        "https://tfhub.dev./google/x/1",
        "https://user:pass@tfhub.dev/google/x/1",
        "https://tfhub.dev@example.org/google/x/1",
        "https://tfhub.dev.example.org/google/x/1",
        "https://example.org/tfhub.dev/google/x/1",
        "http://tfhub.dev/google/x/1",
        "ftp://tfhub.dev/google/x/1",
        "gs://tfhub.dev/google/x.tar.gz",
        "file:///tfhub.dev/google/x",
        "://tfhub.dev/google/x",
    ],
)
def test_no_other_spelling_gets_past(settings: Settings, handle: str) -> None:
    """A stranger's program is refused, and so is whatever a server might read as another place."""
    with pytest.raises(ConfigError, match=r"Allowed are .*google.*BLUETIT_HUB_PUBLISHERS"):
        find_hub_module(f"hub:{handle}", settings)


@pytest.mark.parametrize("publisher", ["tfhub.dev/tensorflow", "https://tfhub.dev/tensorflow/"])
def test_a_publisher_that_is_set(settings: Settings, publisher: str) -> None:
    """The setting says all who are allowed; those of the default count no more."""
    settings = replace(settings, hub_publishers=(publisher,))
    assert find_hub_module("hub:https://tfhub.dev/tensorflow/x/1", settings) == "https://tfhub.dev/tensorflow/x/1"
    with pytest.raises(ConfigError, match=r"begin with https://tfhub\.dev/tensorflow"):
        find_hub_module(f"hub:{MODULE}", settings)


def test_nobody_is_allowed(settings: Settings) -> None:
    """Without publishers there are only folders."""
    settings = replace(settings, hub_publishers=())
    (settings.hub_path / "v2").mkdir(parents=True)
    assert find_hub_module("hub:v2", settings) == str(settings.hub_path / "v2")
    with pytest.raises(ConfigError, match="None is allowed"):
        find_hub_module(f"hub:{MODULE}", settings)


def test_modules_are_switched_off(settings: Settings) -> None:
    """Then neither an address nor a folder is loaded, and the message names the setting."""
    settings = replace(settings, allow_hub=False)
    (settings.hub_path / "v2").mkdir(parents=True)
    for place in (MODULE, "v2", str(settings.hub_path / "v2")):
        with pytest.raises(ConfigError, match=r"switched off.*BLUETIT_ALLOW_HUB"):
            find_hub_module(f"hub:{place}", settings)


def test_relative_folders_mean_the_same_everywhere(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's folder and the worker's differ; a relative path is read from the folders of modules instead."""
    settings = replace(settings, hub_dirs=(str(tmp_path / "shared"),))
    for folder in (settings.hub_path / "v2", tmp_path / "shared" / "deep" / "v3", tmp_path / "here" / "v2"):
        folder.mkdir(parents=True)
    found = []
    for here in (tmp_path, tmp_path / "here"):
        monkeypatch.chdir(here)
        found.append([find_hub_module(f"hub:{place}", settings) for place in ("v2", "deep/v3", "./deep/../v2")])
    assert found[0] == found[1]
    assert found[0] == [
        str(settings.hub_path / "v2"),
        str(tmp_path / "shared" / "deep" / "v3"),
        str(settings.hub_path / "v2"),
    ]


@pytest.mark.parametrize(
    "place", ["{}", "{}/shared/../elsewhere", "../elsewhere", "{}/shared2", "in/out", "~", "circle", "a\0b"]
)
def test_folders_elsewhere_are_refused(settings: Settings, tmp_path: Path, place: str) -> None:
    """Neither dots nor links lead out of the folders that are allowed."""
    settings = replace(settings, hub_dirs=(str(tmp_path / "shared"),))
    for folder in ("shared/in", "elsewhere", "shared2"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "shared" / "in" / "out").symlink_to(tmp_path / "elsewhere")
    settings.hub_path.mkdir(parents=True)
    (settings.hub_path / "in").symlink_to(tmp_path / "shared" / "in")
    (settings.hub_path / "circle").symlink_to(settings.hub_path / "circle")
    with pytest.raises(ConfigError, match="BLUETIT_HUB_DIRS"):
        find_hub_module(f"hub:{place.format(tmp_path)}", settings)


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("https://www.kaggle.com/models/google/x/tensorFlow2/y/1?tf-hub-format=compressed", True),
        ("https://storage.googleapis.com/kagglesdsdata/models/1/x.tar.gz?X-Goog-Signature=a%2Fb", True),
        ("https://www.kaggle.com/models/stranger/x?tf-hub-format=compressed", False),
        ("https://tfhub.dev/google/../stranger/x", False),
        ("https://user@TFHUB.DEV/stranger/x", False),
        ("http://storage.googleapis.com/kagglesdsdata/x.tar.gz", False),
        ("ftp://storage.googleapis.com/x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_redirects(settings: Settings, address: str, is_allowed: bool) -> None:
    """A publisher's server may keep its files anywhere, but sends on to no other publisher and to nothing that is read
    unencrypted."""
    assert is_allowed_redirect(address, settings) is is_allowed
