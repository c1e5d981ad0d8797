"""Feature vectors of TensorFlow Hub as a Keras layer whose weights train and are saved with the model.

A module is a TF2 SavedModel that takes pixels 0-1 and returns pooled features. `hub.KerasLayer` is made for Keras 2
and does not fit into a Keras 3 model; this layer takes its place.

A SavedModel is a program: open only those whose source is trusted. Loading a `.keras` file with this layer runs the
program inside it, which Keras refuses unless `safe_mode=False` is asked for.
"""

import socket
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

# Whether a file is being loaded that might be a stranger's: Keras offers no public way to ask.
from keras.src.saving.serialization_lib import in_safe_mode

from core.backbones.hub_places import find_hub_module, is_allowed_redirect, is_hub_handle
from core.errors import BackboneError, WeightsDamagedError, WeightsMissingError
from core.settings import Settings

# A server that falls silent would block for ever: TensorFlow Hub sets no limit of its own.
_NETWORK_TIMEOUT_SECONDS = 30.0
# Height and width of the trial photo of a module that takes any size, px.
_TRIAL_SIDE_PX = 224
_VARIABLES_FOLDER = "variables"


@keras.saving.register_keras_serializable(package="bluetit")
class HubFeatureVector(keras.layers.Layer):  # type: ignore[misc]  # Keras' classes carry no types
    """Pixels → pooled features, through a module that always works as in inference.

    Normalisation keeps its statistics; everything that the module declares trainable trains when the layer does. In a
    `.keras` file the layer keeps its weights and the module's program; the folder it came from is not needed again.

    Args:
        image_size: height and width in pixels; None for a module that takes any size.
        num_features: width of the features.
        variables: of each variable of the module, in order: `shape`, `dtype` and `is_trainable`.
        has_training_argument: whether the module can be told that it is not being trained.
        options: of every Keras layer.
    """

    def __init__(
        self,
        *,
        image_size: Sequence[int] | None,
        num_features: int,
        variables: Sequence[Mapping[str, Any]],
        has_training_argument: bool,
        **options: Any,
    ) -> None:
        # The module computes in float32 whatever the precision of the layers around it.
        super().__init__(**{**options, "dtype": "float32"})
        self.image_size = None if image_size is None else (int(image_size[0]), int(image_size[1]))
        self.num_features = num_features
        self._specs = tuple(dict(variable) for variable in variables)
        self._has_training_argument = has_training_argument
        self._module: Any = None
        self._program: dict[str, bytes] = {}  # files of the SavedModel without its variables, by relative path

    def build(self, input_shape: Any) -> None:
        """Make a variable for each one of the module; `attach` puts the module's own in their places."""
        for number, spec in enumerate(self._specs):
            self.add_weight(
                shape=tuple(spec["shape"]),
                dtype=spec["dtype"],
                initializer="zeros",
                trainable=spec["is_trainable"],
                name=f"variable_{number}",
            )

    def attach(self, module: Any, program: Mapping[str, bytes]) -> None:
        """Compute through a loaded SavedModel from now on, on its own variables."""
        for weight, variable in zip(self._own_weights(), _variables_of(module), strict=True):
            weight._value = variable
        self._module = module
        self._program = dict(program)

    def call(self, pixels: Any) -> Any:
        """Features float32 (batch, num_features) for pixels float32 (batch, height, width, 3), 0-255."""
        if self._module is None:
            raise BackboneError("This Hub layer was made without its module; use load_hub_backbone or load_model.")
        return _run_module(self._module, pixels / 255, has_training_argument=self._has_training_argument)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """Known without the module, which a loaded model gets after its layers have been joined."""
        return (input_shape[0], self.num_features)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs; weights and program are saved beside it."""
        config: dict[str, Any] = super().get_config()
        return {
            **config,
            "image_size": self.image_size,
            "num_features": self.num_features,
            "variables": [dict(spec) for spec in self._specs],
            "has_training_argument": self._has_training_argument,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "HubFeatureVector":
        """Called by Keras.

        Raises:
            ValueError: a file is loaded in Keras' safe mode, which must not run the program in it.
        """
        if in_safe_mode():
            raise ValueError(
                "The file holds a TensorFlow Hub module, which is a program. If you trust where the file comes from, "
                "load it with safe_mode=False."
            )
        return cls(**config)

    def save_assets(self, folder: str) -> None:
        """Called by Keras: put the program into the file."""
        for name, content in self._program.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def load_assets(self, folder: str) -> None:
        """Called by Keras after the weights: load the program and hand it the weights."""
        options = tf.saved_model.LoadOptions(experimental_skip_checkpoint=True)
        module = tf.saved_model.load(folder, options=options)
        for weight, variable in zip(self._own_weights(), _variables_of(module), strict=True):
            variable.assign(weight.numpy())
        self.attach(module, _read_program(Path(folder)))

    def _own_weights(self) -> list[Any]:
        """In the order of the module's variables; Keras would list the trainable ones first."""
        by_name = {weight.name: weight for weight in self.weights}
        return [by_name[f"variable_{number}"] for number in range(len(self._specs))]


def load_hub_backbone(folder: Path) -> HubFeatureVector:
    """Load a feature vector of TensorFlow Hub as a trainable layer.

    Args:
        folder: of a TF2 SavedModel on this machine, as `resolve_hub_module` finds it.

    Returns:
        Layer from float32 pixels (batch, height, width, 3), 0-255, to float32 features (batch, num_features). Its
        `image_size` is the module's, None if that takes any.

    Raises:
        WeightsDamagedError: the folder holds no SavedModel that can be read.
        BackboneError: the SavedModel is no TF2 feature vector.
    """
    try:
        module = tf.saved_model.load(str(folder))
    # TensorFlow documents no errors here. It raises OSError for a missing or broken file, OpError for missing or
    # foreign variables, ValueError and KeyError for a graph that does not fit together.
    except (OSError, ValueError, KeyError, tf.errors.OpError) as exc:
        raise WeightsDamagedError(
            f"The folder {folder} holds no SavedModel that can be read: {exc}. "
            "Unpack a TF2 feature vector of TensorFlow Hub there."
        ) from exc
    image_size = _read_image_size(module, folder)
    has_training_argument, num_features = _try_out(module, image_size, folder)
    variables = _variables_of(module)
    trained = {id(variable) for variable in getattr(module, "trainable_variables", ())} or {
        id(variable) for variable in variables if variable.trainable
    }
    layer = HubFeatureVector(
        image_size=image_size,
        num_features=num_features,
        variables=[
            {
                "shape": variable.shape.as_list(),
                "dtype": variable.dtype.name,
                "is_trainable": id(variable) in trained,
            }
            for variable in variables
        ],
        has_training_argument=has_training_argument,
        name="hub_module",
    )
    layer.build((None, *(image_size or (None, None)), 3))
    layer.attach(module, _read_program(folder))
    return layer


def resolve_hub_module(backbone: str, settings: Settings) -> Path:
    """The folder of a module on this machine; a handle is downloaded into TensorFlow Hub's own cache.

    Args:
        backbone: as for `find_hub_module`.
        settings: what is allowed, and where modules may be.

    Raises:
        ConfigError: modules are not allowed, or not from there.
        WeightsMissingError: the folder is not there, or the handle cannot be downloaded.
    """
    place = find_hub_module(backbone, settings)
    if not is_hub_handle(place):
        folder = Path(place)
        if not folder.is_dir():
            raise WeightsMissingError(f"There is no folder {folder}. Give the folder of a TF2 SavedModel, or a handle.")
        return folder
    try:
        with _network_timeout():
            return _download(place, settings)
    # No network and refused addresses (OSError), archives that are none (EOFError; tarfile.ReadError and RuntimeError
    # come from its downloader as OSError or ValueError).
    except (OSError, EOFError, ValueError, RuntimeError, tf.errors.OpError) as exc:
        raise WeightsMissingError(
            f"{place} is not on this machine and cannot be downloaded: {exc}. "
            "Check the network, or download the module elsewhere and give its folder."
        ) from exc


def _download(handle: str, settings: Settings) -> Path:
    """The folder of TensorFlow Hub's cache in which a module is, or is from now on."""
    with warnings.catch_warnings():
        # TensorFlow Hub 0.16 imports pkg_resources, which warns that it is going away.
        warnings.simplefilter("ignore")
        from tensorflow_hub.compressed_module_resolver import (  # type: ignore[import-untyped]
            HttpCompressedFileResolver,
        )

    # Not `tensorflow_hub.resolve`: it follows redirects to anywhere, unencrypted ones too, and an environment variable
    # makes it read from the storage that a server names.
    class CarefulResolver(HttpCompressedFileResolver):  # type: ignore[misc]  # without types
        def _call_urlopen(self, request: urllib.request.Request) -> Any:
            secure = urllib.request.HTTPSHandler(context=self._context)
            return urllib.request.build_opener(secure, AllowedRedirects(settings)).open(request)

    return Path(CarefulResolver()(handle))


class AllowedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only where `is_allowed_redirect` lets it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Called by urllib.

        Raises:
            PermissionError: the address is none that a module may be fetched from.
        """
        if not is_allowed_redirect(newurl, self._settings):
            raise PermissionError(f"the server sends on to {newurl[:200]}, from which no module may be loaded")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _network_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _read_image_size(module: Any, folder: Path) -> tuple[int, int] | None:
    """Height and width of the photos that the module's signature asks for; None for any."""
    functions = [*module.signatures.values()] if hasattr(module, "signatures") else []
    if callable(module):
        functions += getattr(module.__call__, "concrete_functions", [])
    for function in functions:
        for spec in tf.nest.flatten(function.structured_input_signature):
            if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4 and spec.shape[3] in (3, None):
                height, width = spec.shape[1], spec.shape[2]
                return None if height is None or width is None else (height, width)
    raise BackboneError(
        f"The SavedModel in {folder} takes no photos: none of its functions has an input (batch, height, width, 3). "
        "A TF2 feature vector of TensorFlow Hub is needed."
    )


def _variables_of(module: Any) -> list[Any]:
    """As the module lists them; one that does not, has those that its functions use."""
    if hasattr(module, "variables"):
        return list(module.variables)
    used = [variable for function in module.__call__.concrete_functions for variable in function.variables]
    return list({id(variable): variable for variable in used}.values())


def _try_out(module: Any, image_size: tuple[int, int] | None, folder: Path) -> tuple[bool, int]:
    """Run a black photo through the module: whether it can be told about training, and the width of its features."""
    if not callable(module):
        raise BackboneError(
            f"The SavedModel in {folder} cannot be called: it is in the TF1 format or no module of TensorFlow Hub. "
            "A TF2 feature vector is needed."
        )
    height, width = image_size or (_TRIAL_SIDE_PX, _TRIAL_SIDE_PX)
    photo = tf.zeros((1, height, width, 3))
    problems = []
    for has_training_argument in (True, False):
        try:
            features = _run_module(module, photo, has_training_argument=has_training_argument)
        # TensorFlow's words for arguments that no saved function takes.
        except (TypeError, ValueError) as exc:
            problems.append(str(exc).splitlines()[0])
            continue
        shape = getattr(features, "shape", None)
        if shape is None or len(shape) != 2 or features.dtype != tf.float32:
            found = "several outputs" if shape is None else f"an output of shape {tuple(shape)}"
            raise BackboneError(
                f"The SavedModel in {folder} is no feature vector: it has {found}, (batch, features) is needed. "
                "Choose the module's version called 'feature vector'."
            )
        return has_training_argument, int(shape[1])
    raise BackboneError(
        f"The SavedModel in {folder} does not take a batch of photos as a TF2 feature vector does: {problems[-1]}"
    )


def _run_module(module: Any, scaled: Any, *, has_training_argument: bool) -> Any:
    return module(scaled, training=False) if has_training_argument else module(scaled)


def _read_program(folder: Path) -> dict[str, bytes]:
    """Files of a SavedModel by relative path, without the variables, which the layer saves itself."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(f"{_VARIABLES_FOLDER}/")}
