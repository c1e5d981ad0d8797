"""DINOv2-Small, a vision transformer, out of Keras' own layers: what is saved opens without Bluetit.

    patches of 14 × 14 pixels, and a class token before them ─ 12 blocks of attention and dense layers ─ features

Tokens stand in one row, (batch, 1, tokens, width), because everything that cuts, pools and converts networks takes maps
of rows and columns. The last feature map puts beside each patch's token the class token, which is the same everywhere;
so its mean is what the paper's linear layers look at: the class token and the mean of the patches' tokens.

Source: A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2021,
https://arxiv.org/abs/2010.11929; M. Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023,
https://arxiv.org/abs/2304.07193; for LayerScale H. Touvron et al., "Going deeper with Image Transformers", 2021,
https://arxiv.org/abs/2103.17239.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.errors import WeightsDamagedError

Array = npt.NDArray[np.float32]

PATCH_PX = 14
WIDTH = 384  # numbers of a token
NUM_BLOCKS = 12
_NUM_HEADS = 6
_MLP_RATIO = 4  # width of the hidden dense layer by that of a token
_EPSILON = 1e-6  # of layer normalisation
_LEARNED_GRID = 37  # patches a side where the position embeddings were learned: 518 / 14
_CUBIC = -0.75  # PyTorch's and OpenCV's, with which the position embeddings are published to be interpolated
_UNUSED = frozenset({"embeddings.mask_token"})  # stands for hidden patches in the pretraining, and nowhere else


def build_dinov2(name: str, inputs: Any) -> keras.Model:
    """Build the network on `inputs`, with random weights.

    Args:
        name: of the model.
        inputs: Keras tensor (batch, height, width, 3), already standardised by ImageNet's mean and deviation. What is
            left over of whole patches is cut off evenly at the edges.

    Returns:
        Model from the inputs behind `inputs` to features (batch, 768): the class token, and the mean of the patches.

    Raises:
        ValueError: there is no whole patch.
    """
    _, height, width, _ = inputs.shape
    rows, columns = height // PATCH_PX, width // PATCH_PX
    if not rows or not columns:
        raise ValueError(f"one patch has {PATCH_PX} pixels a side, which is the least.")
    x = _embed(inputs, rows, columns)
    for number in range(NUM_BLOCKS):
        x = _apply_block(x, f"block_{number}")
    x = _normalise(x, "top_norm")
    num_patches = rows * columns
    class_token = keras.layers.Cropping2D(((0, 0), (0, num_patches)), name="top_class_token")(x)
    class_token = keras.layers.UpSampling2D((rows, columns), name="top_class_everywhere")(class_token)
    patches = keras.layers.Cropping2D(((0, 0), (1, 0)), name="top_patches")(x)
    patches = keras.layers.Reshape((rows, columns, WIDTH), name="top_patch_map")(patches)
    feature_map = keras.layers.Concatenate(name="top_feature_map")([class_token, patches])
    outputs = keras.layers.GlobalAveragePooling2D(name="avg_pool")(feature_map)
    return keras.Model(keras.utils.get_source_inputs(inputs), outputs, name=name)


def load_dinov2(model: keras.Model, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put the arrays of the published file into a model of `build_dinov2`, for photos of any size.

    Args:
        model: the network.
        arrays: by the names of `Dinov2Model` in the package transformers; dense kernels (out, in), kernel of the
            patches (out, 3, rows, columns).

    Raises:
        WeightsDamagedError: an array is missing, has the wrong shape, or is left over.
    """
    unused = set(arrays) - _UNUSED

    def take(name: str) -> Array:
        unused.discard(name)
        return np.asarray(arrays[name], np.float32)

    rows, columns, _ = model.get_layer("top_patch_map").output.shape[1:]
    try:
        for layer in model.layers:
            if layer.name == "embeddings":
                layer.set_weights(_embedding_weights(take, rows, columns))
            elif isinstance(layer, keras.layers.MultiHeadAttention):
                _load_attention(layer, f"{_twin_of(layer.name)}.attention", take)
            elif layer.weights:
                layer.set_weights(_weights_of(layer, take))
    except (KeyError, ValueError) as exc:
        raise WeightsDamagedError(f"The weights do not fit {model.name}: {exc}.") from exc
    if unused:
        raise WeightsDamagedError(f"The weights have arrays that {model.name} lacks: {', '.join(sorted(unused)[:5])}.")


def interpolate_positions(grid: Array, rows: int, columns: int) -> Array:
    """Position embeddings for another number of patches, by cubic convolution along both axes.

    Args:
        grid: float32 (rows, columns, width), as they were learned.
        rows: wanted.
        columns: wanted.

    Returns:
        float32 (rows, columns, width).

    Source: R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, equation 10, here with the
    free constant a = -0.75.
    """
    down, across = _cubic_matrix(grid.shape[0], rows), _cubic_matrix(grid.shape[1], columns)
    return np.asarray(np.einsum("ri,cj,ijw->rcw", down, across, grid, optimize=True), np.float32)


def _embed(inputs: Any, rows: int, columns: int) -> Any:
    """Tokens of the patches, and the class token before them, each with the embedding of its position.

    A token is a linear function of its patch's pixels and something that is learned for its place: one dense layer with
    a bias of its own at every place. At the place of the class token there are no pixels, and the bias is all.
    """
    _, height, width, channels = inputs.shape
    spare_rows, spare_columns = height - rows * PATCH_PX, width - columns * PATCH_PX
    if spare_rows or spare_columns:
        edges = [(spare // 2, spare - spare // 2) for spare in (spare_rows, spare_columns)]
        inputs = keras.layers.Cropping2D(edges, name="stem_whole_patches")(inputs)
    # Rows of patches, rows of pixels in one, columns of patches, columns of pixels in one with their colours.
    x = keras.layers.Reshape((rows, PATCH_PX, columns, PATCH_PX * channels), name="stem_lines")(inputs)
    x = keras.layers.Permute((1, 3, 2, 4), name="stem_by_patch")(x)
    x = keras.layers.Reshape((1, rows * columns, PATCH_PX**2 * channels), name="stem_patches")(x)
    x = keras.layers.ZeroPadding2D(((0, 0), (1, 0)), name="stem_class_place")(x)
    return keras.layers.EinsumDense(
        "brtp,pw->brtw",
        output_shape=(1, rows * columns + 1, WIDTH),
        bias_axes="rtw",
        bias_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        name="embeddings",
    )(x)


def _apply_block(x: Any, name: str) -> Any:
    shortcut = x
    x = _normalise(x, f"{name}_norm1")
    attention = keras.layers.MultiHeadAttention(
        _NUM_HEADS, WIDTH // _NUM_HEADS, attention_axes=(2,), name=f"{name}_attention"
    )
    x = _scale(attention(x, x), f"{name}_scale1")
    shortcut = x = keras.layers.Add(name=f"{name}_add1")([shortcut, x])
    x = _normalise(x, f"{name}_norm2")
    x = keras.layers.Dense(_MLP_RATIO * WIDTH, activation="gelu", name=f"{name}_mlp_fc1")(x)
    x = keras.layers.Dense(WIDTH, name=f"{name}_mlp_fc2")(x)
    x = _scale(x, f"{name}_scale2")
    return keras.layers.Add(name=f"{name}_add2")([shortcut, x])


def _normalise(x: Any, name: str) -> Any:
    return keras.layers.LayerNormalization(epsilon=_EPSILON, name=name)(x)


def _scale(x: Any, name: str) -> Any:
    """LayerScale: a learned factor for each channel, which is a depthwise convolution of one place."""
    return keras.layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones", name=name)(x)


def _embedding_weights(take: Any, rows: int, columns: int) -> list[Array]:
    kernel = take("embeddings.patch_embeddings.projection.weight").transpose(2, 3, 1, 0).reshape(-1, WIDTH)
    positions = take("embeddings.position_embeddings").reshape(_LEARNED_GRID**2 + 1, WIDTH)
    grid = positions[1:].reshape(_LEARNED_GRID, _LEARNED_GRID, WIDTH)
    of_patches = interpolate_positions(grid, rows, columns).reshape(-1, WIDTH)
    of_class = take("embeddings.cls_token").reshape(1, WIDTH) + positions[:1]
    of_patches = of_patches + take("embeddings.patch_embeddings.projection.bias")
    return [kernel, np.concatenate([of_class, of_patches])[np.newaxis]]


def _load_attention(layer: keras.layers.MultiHeadAttention, twin: str, take: Any) -> None:
    by_head = (_NUM_HEADS, WIDTH // _NUM_HEADS)
    for part, name in (
        (layer.query_dense, "attention.query"),
        (layer.key_dense, "attention.key"),
        (layer.value_dense, "attention.value"),
    ):
        kernel, bias = take(f"{twin}.{name}.weight"), take(f"{twin}.{name}.bias")
        part.set_weights([kernel.T.reshape(WIDTH, *by_head), bias.reshape(by_head)])
    kernel, bias = take(f"{twin}.output.dense.weight"), take(f"{twin}.output.dense.bias")
    layer.output_dense.set_weights([kernel.T.reshape(*by_head, WIDTH), bias])


def _weights_of(layer: keras.Layer, take: Any) -> list[Array]:
    block = _twin_of(layer.name)
    match layer:
        case keras.layers.LayerNormalization():
            twin = "layernorm" if layer.name == "top_norm" else f"{block}.{layer.name.rpartition('_')[2]}"
            return [take(f"{twin}.weight"), take(f"{twin}.bias")]
        case keras.layers.DepthwiseConv2D():
            return [take(f"{block}.layer_scale{layer.name[-1]}.lambda1").reshape(1, 1, WIDTH, 1)]
        case _:
            twin = f"{block}.mlp.{layer.name.rpartition('_')[2]}"
            return [take(f"{twin}.weight").T, take(f"{twin}.bias")]


def _twin_of(layer_name: str) -> str:
    """The block of a layer, as the published file calls it."""
    return f"encoder.layer.{layer_name.split('_')[1]}"


def _cubic_matrix(num_in: int, num_out: int) -> Array:
    """What each place of the new axis takes from each of the old; at the ends the last ones are repeated."""
    matrix = np.zeros((num_out, num_in), np.float64)
    centres = (np.arange(num_out) + 0.5) * num_in / num_out - 0.5
    for place, centre in enumerate(centres):
        first = int(np.floor(centre)) - 1
        for neighbour in range(first, first + 4):
            matrix[place, np.clip(neighbour, 0, num_in - 1)] += _cubic_weight(abs(centre - neighbour))
    return matrix.astype(np.float32)


def _cubic_weight(distance: float) -> float:
    """Cubic convolution's kernel at a distance in old places, 0-2."""
    if distance <= 1:
        return (_CUBIC + 2) * distance**3 - (_CUBIC + 3) * distance**2 + 1
    return _CUBIC * (distance**3 - 5 * distance**2 + 8 * distance - 4)
