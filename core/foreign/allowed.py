"""What may be in a model from elsewhere: the layers and functions of Keras, and the operators of LiteRT, by name."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- Keras --------------------------------------------------------------------------------------------------

LAYERS = _words(
    """
    InputLayer Dense Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose Convolution2D SeparableConvolution2D
    BatchNormalization BatchNormalizationV1 SyncBatchNormalization LayerNormalization GroupNormalization
    UnitNormalization Normalization Rescaling Resizing CenterCrop Activation ReLU LeakyReLU PReLU ELU Softmax
    ThresholdedReLU Flatten Reshape Permute RepeatVector GlobalAveragePooling2D GlobalMaxPooling2D GlobalAvgPool2D
    GlobalMaxPool2D AveragePooling2D MaxPooling2D AvgPool2D MaxPool2D ZeroPadding2D Cropping2D UpSampling2D Add Subtract
    Multiply Average Maximum Minimum Concatenate Dot Dropout SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout
    ActivityRegularization RandomFlip RandomRotation RandomZoom RandomContrast RandomTranslation RandomBrightness
    RandomCrop RandomHeight RandomWidth MultiHeadAttention EinsumDense Identity
    """
)
MODELS = frozenset({"Functional", "Sequential", "Model"})
POLICIES = frozenset({"DTypePolicy", "Policy"})
MODULES = frozenset(
    f"{package}.{place}"
    for package in ("keras", "keras.src", "tf_keras", "tf_keras.src")
    for place in (
        *("layers", "models", "models.functional", "models.sequential", "engine.functional", "engine.sequential"),
        *("mixed_precision", "dtype_policies", "layers.core.tf_op_layer"),
    )
) | {"keras", "tf_keras"}

# Operations that Keras 3 writes into a functional model for `x / 127.5 - 1`, `x[..., ::-1]` and the like, by module.
OPERATIONS = {
    "keras.src.ops.numpy": _words(
        """
        Add Subtract Multiply TrueDivide Divide Negative GetItem Concatenate Mean Max Min Sum Reshape Transpose Clip
        Maximum Minimum Square Sqrt Exp Squeeze ExpandDims Flip Stack Split Power
        """
    ),
    "keras.src.ops.nn": _words(
        """
        Relu Relu6 Sigmoid Silu Softmax Tanh HardSigmoid HardSilu HardSwish Swish Gelu LeakyRelu Elu Softplus
        """
    ),
    "keras.src.ops.core": frozenset({"Cast"}),
    "keras.src.applications.convnext": frozenset({"LayerScale"}),  # a layer that only ConvNeXt has
}
# The same as Keras 2 writes it: a layer that names a function of TensorFlow, of which there are some that write files.
FUNCTION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda"})
FUNCTIONS = _words(
    """
    math.add math.subtract math.multiply math.truediv math.divide math.negative math.maximum math.minimum
    math.reduce_mean __operators__.add __operators__.getitem cast nn.relu nn.relu6 nn.sigmoid nn.softmax nn.silu
    nn.swish nn.tanh nn.gelu nn.bias_add math.sigmoid math.tanh clip_by_value reshape concat stack split expand_dims
    squeeze reverse transpose image.resize compat.v1.image.resize_bilinear math.square math.sqrt
    """
)
ACTIVATIONS = _words(
    """
    relu relu6 sigmoid softmax tanh linear elu selu silu swish gelu hard_sigmoid hard_silu hard_swish leaky_relu
    softplus softsign exponential mish log_softmax
    """
)
# Values that Keras 3 writes in the form of classes.
VALUES = frozenset({"__keras_tensor__", "__tensor__", "__tuple__", "__ellipsis__", "__slice__"})

# --- LiteRT -------------------------------------------------------------------------------------------------

# What networks for pictures are made of. Left out are loops, calls, variables, tables, random numbers and texts.
OPERATORS = _words(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE FLOOR FULLY_CONNECTED
    L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE
    RESIZE_BILINEAR SOFTMAX SPACE_TO_DEPTH TANH PAD GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV
    SQUEEZE STRIDED_SLICE EXP SPLIT LOG_SOFTMAX CAST PRELU MAXIMUM MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL
    LESS_EQUAL SELECT SLICE TRANSPOSE_CONV TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW FAKE_QUANT
    REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV SQUARE ZEROS_LIKE FILL
    FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V CEIL REVERSE_V2 ADD_N
    GATHER_ND ELU QUANTIZE ROUND HARD_SWISH SELECT_V2 DENSIFY BATCH_MATMUL BROADCAST_TO BROADCAST_ARGS GELU RELU_0_TO_1
    SIGN
    """
)
