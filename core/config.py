"""What a run is made from, as frozen configs that check themselves and go to JSON and back.

    TrainConfig
    ├── head        HeadConfig           the layers on top of the backbone
    ├── head_phase  PhaseConfig          training them while the backbone is frozen
    ├── fine_tune   FineTuneConfig       then, perhaps, training the upper part of the backbone too
    ├── stopping    StoppingConfig       when to stop early and when to go slower
    └── augment     AugmentConfig        how views differ from their photo

A copy is kept with every run; the same config, snapshot and seed on the same machine give the same model.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.errors import ConfigError
from core.records import Config

Optimizer = Literal["adam", "rmsprop", "sgd", "lbfgs"]
Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
FitModeName = Literal["crop", "letterbox", "squash"]
Monitor = Literal["loss", "accuracy"]

LBFGS: Optimizer = "lbfgs"  # which solves one last layer to the end, and trains nothing else
SCRATCH = "scratch"  # in place of a backbone: the small network that starts from nothing
HUB_PREFIX = "hub:"  # in front of a TensorFlow Hub handle or a local folder

MAX_EPOCHS = 1_000
MAX_BATCH_SIZE = 4_096
MAX_HIDDEN_LAYERS = 5
MAX_UNITS = 8_192
MAX_VIEWS = 64
MIN_SIDE_PX, MAX_SIDE_PX = 32, 1_024
# Largest value of each share of an augmentation. Half a turn either way is every direction; a zoom of 1 would show a
# single point.
_LARGEST_CHANGES = {"rotation": 0.5, "zoom": 0.9, "shift": 1.0, "brightness": 1.0, "contrast": 1.0, "colour": 1.0}
# What messages call a field where its name alone, underscores aside, says too little.
_TITLES = {
    "hidden_units": "units of the dense layers",
    "one_unit_for_two_classes": "single unit for two classes",
    "num_epochs": "number of epochs",
    "num_views": "number of views",
    "is_augmented_freely": "free augmentation",
    "averages_flips": "averaging over the mirror image",
    "has_class_weights": "weighing of rare classes",
    "finds_learning_rate": "search for the learning rate",
    "uses_all_gpus": "use of all GPUs",
}


class _TrainingConfig(Config):
    """A config whose fields have titles for people."""

    __slots__ = ()

    @classmethod
    def _titled(cls, name: str) -> str:
        return _titled(name)


def _titled(name: str) -> str:
    """A field in words, and its name where that differs."""
    title = _TITLES.get(name, name.replace("_", " "))
    return title if title == name else f"{title} ({name})"


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"The {_titled(name)} is {value!r}; true or false is needed.")


def _check_number(name: str, value: object, least: float, most: float, *, includes_least: bool = True) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Written so that nan, which is neither more nor less than anything, is refused.
    if not is_number or not least <= value <= most or (value == least and not includes_least):  # type: ignore[operator]
        words = f"from {least:g} to {most:g}" if includes_least else f"above {least:g} and at most {most:g}"
        raise ConfigError(f"The {_titled(name)} is {value!r}; a number {words} is needed.")


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if not _is_whole(value, least, most):
        raise ConfigError(f"The {_titled(name)} is {value!r}; a whole number from {least} to {most:,} is needed.")


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _check_choice(name: str, value: object, choices: Collection[str]) -> None:
    if value not in choices:
        raise ConfigError(f"The {_titled(name)} is {value!r}; one of {', '.join(choices)} is needed.")


def _check_config(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise ConfigError(f"The {_titled(name)} is {value!r}; the values of {kind.__name__} are needed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig(_TrainingConfig):
    """How far a view may be from its photo; 0 (or false) switches a change off."""

    flip: bool = True  # left and right may change places
    rotation: float = 0.03  # most, share of a full turn either way, 0-0.5
    zoom: float = 0.1  # most, share of the sides, in or out, 0-0.9
    shift: float = 0.05  # most, share of width and height, 0-1
    brightness: float = 0.1  # most, share of the range from black to white, 0-1
    contrast: float = 0.1  # most, share more or less, 0-1
    colour: float = 0.1  # most, share of colourfulness more or less, 0-1

    def __post_init__(self) -> None:
        _check_flag("flip", self.flip)
        for name, largest in _LARGEST_CHANGES.items():
            _check_number(name, getattr(self, name), 0, largest)
            # 0, 0.0 and -0.0 are equal configs and must be equal in JSON too, which the views depend on.
            object.__setattr__(self, name, float(getattr(self, name)) or 0.0)


NO_AUGMENTATION = AugmentConfig(flip=False, rotation=0, zoom=0, shift=0, brightness=0, contrast=0, colour=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig(_TrainingConfig):
    """The layers on top of the backbone's pooled features; the last one, with a unit per class, is always there."""

    hidden_units: tuple[int, ...] = ()  # units of each dense layer (ReLU) in between, first to last
    dropout: float = 0.2  # share of values left out before each dense layer while training, 0-0.9
    # One unit (sigmoid) in place of two (softmax) when there are two classes, as many tutorials have it.
    one_unit_for_two_classes: bool = False

    def __post_init__(self) -> None:
        units = self.hidden_units
        if not isinstance(units, tuple) or not all(_is_whole(number, 1, MAX_UNITS) for number in units):
            raise ConfigError(
                f"The {_titled('hidden_units')} are {units!r}; a list of whole numbers from 1 to {MAX_UNITS:,} is "
                "needed, one for each layer."
            )
        if len(units) > MAX_HIDDEN_LAYERS:
            raise ConfigError(
                f"The {_titled('hidden_units')} are {units!r}; at most {MAX_HIDDEN_LAYERS} layers are possible."
            )
        _check_number("dropout", self.dropout, 0, 0.9)
        _check_flag("one_unit_for_two_classes", self.one_unit_for_two_classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseConfig(_TrainingConfig):
    """How one phase of a training learns."""

    optimizer: Optimizer = "adam"
    learning_rate: float = 1e-3  # per step, above 0, at most 10
    num_epochs: int = 10  # most; stopping may end the phase earlier
    batch_size: int = 32  # photos per step

    def __post_init__(self) -> None:
        _check_choice("optimizer", self.optimizer, get_args(Optimizer))
        _check_number("learning_rate", self.learning_rate, 0, 10, includes_least=False)
        _check_whole("num_epochs", self.num_epochs, 1, MAX_EPOCHS)
        _check_whole("batch_size", self.batch_size, 1, MAX_BATCH_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuneConfig(_TrainingConfig):
    """Training the upper part of the backbone too, gently, after the head."""

    # The first layer that is trained, in the backbone's own numbering: 100 leaves layers 0 to 99 of
    # `keras.applications.MobileNetV2(include_top=False).layers` as they are; 0 trains everything.
    first_layer: int = 0
    phase: PhaseConfig = field(default_factory=lambda: PhaseConfig(optimizer="rmsprop", learning_rate=1e-4))

    def __post_init__(self) -> None:
        _check_whole("first_layer", self.first_layer, 0, 100_000)
        _check_config("phase", self.phase, PhaseConfig)
        if self.phase.optimizer == LBFGS:
            raise ConfigError(
                "The optimizer of the fine-tuning is lbfgs, which solves a last layer only; one of adam, rmsprop, sgd "
                "is needed."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingConfig(_TrainingConfig):
    """When a phase ends before its last epoch, and when it slows down. The best epoch is restored in any case."""

    monitor: Monitor = "loss"  # of the validation photos: what tells which epoch is best
    patience: int | None = None  # epochs without a better one before the phase ends; None: never
    plateau_patience: int | None = None  # epochs without a better one before the rate is reduced; None: never
    plateau_factor: float = 0.3  # by which the learning rate is multiplied then, above 0, below 1
    least_learning_rate: float = 1e-7  # it is not reduced below

    def __post_init__(self) -> None:
        _check_choice("monitor", self.monitor, get_args(Monitor))
        for name in ("patience", "plateau_patience"):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), 1, MAX_EPOCHS)
        _check_number("plateau_factor", self.plateau_factor, 0, 0.99, includes_least=False)
        _check_number("least_learning_rate", self.least_learning_rate, 0, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig(_TrainingConfig):
    """Everything that decides what a run's model will be."""

    snapshot: str  # hash of the dataset's frozen content, 64 hexadecimal digits
    backbone: str  # name in the catalogue, `SCRATCH`, or `HUB_PREFIX` and a handle or folder
    image_size: tuple[int, int] | None = None  # height and width in pixels; None: the backbone's own
    fit_mode: FitModeName = "crop"  # how a photo becomes that square
    augment: AugmentConfig | None = None  # None: the photo as it is
    num_views: int = 1  # versions of each train photo that are computed once and taken in turn, the photo included
    is_augmented_freely: bool = False  # new pixels in every epoch, through the whole network: slow
    averages_flips: bool = False  # answers are means over a photo and its mirror image
    head: HeadConfig = field(default_factory=HeadConfig)
    head_phase: PhaseConfig = field(default_factory=PhaseConfig)
    finds_learning_rate: bool = False  # short trials choose the head phase's rate in place of the config
    fine_tune: FineTuneConfig | None = None  # None: the backbone stays as it is
    stopping: StoppingConfig = field(default_factory=StoppingConfig)
    has_class_weights: bool = False  # photos of rare classes count more, so that each class counts the same
    label_smoothing: float = 0.0  # share of certainty taken from the right class, 0-0.5
    seed: int = 0  # of everything that is drawn at random
    precision: Precision = "auto"  # auto: mixed where the device gains from it
    uses_all_gpus: bool = False  # of this machine, in place of one

    def __post_init__(self) -> None:
        self._check_what()
        self._check_how()
        for name, kind in (
            ("head", HeadConfig),
            ("head_phase", PhaseConfig),
            ("stopping", StoppingConfig),
        ):
            _check_config(name, getattr(self, name), kind)
        if self.augment is not None:
            _check_config("augment", self.augment, AugmentConfig)
        if self.fine_tune is not None:
            _check_config("fine_tune", self.fine_tune, FineTuneConfig)
            if self.backbone == SCRATCH:
                raise ConfigError(
                    f"The backbone is {SCRATCH!r}, all of which is trained from the start; switch fine-tuning off "
                    "(fine_tune)."
                )

        self._check_solver()

    def _check_solver(self) -> None:
        if self.head_phase.optimizer != LBFGS:
            return
        hindrances = {
            "hidden_units": self.head.hidden_units,
            "dropout": self.head.dropout,
            "label_smoothing": self.label_smoothing,
            "is_augmented_freely": self.is_augmented_freely,
            "finds_learning_rate": self.finds_learning_rate,
            "backbone": self.backbone == SCRATCH and SCRATCH,
        }
        for name, value in hindrances.items():
            if value:
                raise ConfigError(
                    f"The optimizer is lbfgs, which solves one last layer on features that stay, and the "
                    f"{_titled(name)} is {value!r}. Switch that off, or choose another optimizer (optimizer)."
                )

    def _check_what(self) -> None:
        is_hash = isinstance(self.snapshot, str) and len(self.snapshot) == 64
        if not is_hash or set(self.snapshot) - set("0123456789abcdef"):
            raise ConfigError(f"The snapshot is {self.snapshot!r}; a hash of 64 characters from 0-9 and a-f is needed.")
        if not isinstance(self.backbone, str) or not self.backbone.removeprefix(HUB_PREFIX).strip():
            raise ConfigError(
                f"The backbone is {self.backbone!r}; the name of a network is needed, such as EfficientNetLite0."
            )
        size = self.image_size
        if size is not None and not (
            isinstance(size, tuple)
            and len(size) == 2
            and all(_is_whole(side, MIN_SIDE_PX, MAX_SIDE_PX) for side in size)
        ):
            raise ConfigError(
                f"The {_titled('image_size')} is {size!r}; height and width are needed, each a whole number of pixels "
                f"from {MIN_SIDE_PX} to {MAX_SIDE_PX:,}."
            )
        _check_choice("fit_mode", self.fit_mode, get_args(FitModeName))

    def _check_how(self) -> None:
        _check_whole("num_views", self.num_views, 1, MAX_VIEWS)
        flags = ("is_augmented_freely", "averages_flips", "finds_learning_rate", "has_class_weights", "uses_all_gpus")
        for name in flags:
            _check_flag(name, getattr(self, name))
        if self.augment is None and (self.num_views > 1 or self.is_augmented_freely):
            asked = f"The {_titled('num_views')} is {self.num_views}"
            if self.is_augmented_freely:
                asked = f"The {_titled('is_augmented_freely')} is on"
            raise ConfigError(f"{asked}, but nothing says how views differ; choose an augmentation (augment) as well.")
        _check_number("label_smoothing", self.label_smoothing, 0, 0.5)
        _check_whole("seed", self.seed, 0, 2**31 - 1)
        _check_choice("precision", self.precision, get_args(Precision))
