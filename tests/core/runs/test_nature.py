"""Recipes give way to what the photos ask for, and to nothing else."""

import pytest

from core.config import FitModeName
from core.recipes import RECIPES
from core.runs.begin import NO_SNAPSHOT
from core.runs.nature import NOTHING_KNOWN, WHOLE_PHOTO, Nature, suited

LONG = Nature(sizes={"a": [(900, 150)] * 20, "b": [(150, 900)] * 20})
ORDINARY = Nature(sizes={"a": [(1024, 768)] * 20, "b": [(1024, 683)] * 20})
MIXED = Nature(sizes={"a": [(900, 150)] * 9 + [(1024, 768)] * 11, "b": [(1024, 683)] * 20})
MIRRORED = Nature(mirrored_classes=("left", "right"))


def config(recipe: str):
    return RECIPES[recipe].config(NO_SNAPSHOT, backbone="EfficientNetLite0", num_layers=141)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("nature", [NOTHING_KNOWN, ORDINARY, MIXED])
def test_ordinary_photos_change_nothing(recipe: str, nature: Nature) -> None:
    """Nor do some long ones among them: there the person decides."""
    assert suited(config(recipe), nature) == config(recipe)


@pytest.mark.parametrize("recipe", RECIPES)
def test_long_photos_are_shown_whole(recipe: str) -> None:
    """No recipe cuts the evidence away; all else stays as it is."""
    made = suited(config(recipe), LONG)
    assert made.fit_mode != "crop"
    assert LONG.cut_off(made.fit_mode, made.image_size) is None
    assert {**made.to_json(), "fit_mode": ""} == {**config(recipe).to_json(), "fit_mode": ""}


@pytest.mark.parametrize("fit_mode", ["letterbox", "squash"])
def test_a_way_that_loses_nothing_stays(fit_mode: FitModeName) -> None:
    """Whoever chose borders keeps them."""
    assert LONG.cut_off(fit_mode) is None
    assert WHOLE_PHOTO in ("letterbox", "squash")


@pytest.mark.parametrize("recipe", RECIPES)
def test_mirror_images_are_never_mirrored(recipe: str) -> None:
    """Mirroring is off, for answers too, and the other variations stay as they are."""
    before, after = config(recipe).augment, suited(config(recipe), MIRRORED).augment
    assert (before is None) == (after is None)
    assert not suited(config(recipe), MIRRORED).averages_flips
    if before is not None and after is not None:
        assert not after.flip
        assert {**after.to_json(), "flip": before.flip} == before.to_json()
