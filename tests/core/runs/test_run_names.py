"""A run that nobody named is called after its dataset, its recipe and its network."""

import pytest

from core.config import HUB_PREFIX, SCRATCH
from core.names import MAX_NAME_CHARS, clean_name
from core.recipes import RECIPES
from core.runs.names import default_name, names_dataset
from tests.core.runs.run_samples import config


@pytest.mark.parametrize(
    ("backbone", "name"),
    [
        ("MobileNetV2", "MobileNetV2"),
        (SCRATCH, "From scratch"),
        (f"{HUB_PREFIX}https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4", "mobilenet_v2"),
        (
            f"{HUB_PREFIX}https://tfhub.dev/google/inception_v3/feature_vector/5?tf-hub-format=compressed",
            "inception_v3",
        ),
        (f"{HUB_PREFIX}google/mobilenet-v2/tensorFlow2/100-224-feature-vector/2", "mobilenet-v2"),
        (f"{HUB_PREFIX}/srv/weights/mobilenet_v2_feature_vector/", "mobilenet_v2_feature_vector"),
        (f"{HUB_PREFIX}C:\\networks\\my  network", "my network"),
        (f"{HUB_PREFIX}/\u200b/", "Hub network"),
        (f"{HUB_PREFIX}{'n' * 300}", f"{'n' * 59}…"),
        ("EfficientNetLite0", "EfficientNet-Lite0"),
    ],
)
def test_names_of_networks(backbone: str, name: str) -> None:
    """The name tells which network it is, and is always one that a run can have."""
    assert default_name(config("0" * 64, backbone)) == name
    assert clean_name(name, "run") == name


@pytest.mark.parametrize(
    ("dataset_name", "recipe", "backbone", "name"),
    [
        ("flowers", "quick", "EfficientNetLite0", "flowers · Quick · EfficientNet-Lite0"),
        ("Röntgen 2024", "small_data", "MobileNetV2", "Röntgen 2024 · Few photos · MobileNetV2"),
        ("flowers", None, "MobileNetV2", "flowers · MobileNetV2"),
        ("flowers", "of another version", "MobileNetV2", "flowers · MobileNetV2"),
        (None, "quick", "MobileNetV2", "Quick · MobileNetV2"),
        ("a", "from_scratch", SCRATCH, "a · From scratch"),
        ("a", "densenet201", "DenseNet201", "a · DenseNet201"),
        ("a", "mobilenet_three_dense", "MobileNet", "a · MobileNet and three dense layers"),
        ("a", "mobilenetv2_fine_tuned", "MobileNetV2", "a · MobileNetV2, fine-tuned"),
        # The title names another network than this one.
        ("a", "mobilenetv2_fine_tuned", "MobileNet", "a · MobileNetV2, fine-tuned · MobileNet"),
        ("f" * 100, "quick", "EfficientNetLite0", f"{'f' * 39}… · Quick · EfficientNet-Lite0"),
    ],
)
def test_the_name_says_what_it_is(dataset_name: str | None, recipe: str | None, backbone: str, name: str) -> None:
    """Dataset, recipe and network, each once; a long name of a dataset leaves room for the others."""
    assert default_name(config("0" * 64, backbone), recipe=recipe, dataset_name=dataset_name) == name


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_name_is_one_that_a_run_can_have(recipe: str) -> None:
    """Whatever the names of dataset and network: there is room for a number, too."""
    plan = config("0" * 64, f"{HUB_PREFIX}{'n' * 300}")
    name = default_name(plan, recipe=recipe, dataset_name="w" * MAX_NAME_CHARS)
    assert clean_name(f"{name} 123", "run") == f"{name} 123"


def test_a_name_that_names_its_dataset_is_known() -> None:
    """Runs of before, and those that somebody named, may not."""
    assert names_dataset("flowers · Quick · MobileNetV2 3", "Flowers")
    assert names_dataset(f"{'f' * 39}… · Quick", "f" * 100)
    assert not names_dataset("MobileNetV2 3", "flowers")
