"""Arrays as the published file of DINOv2-Small has them, of random numbers."""

import numpy as np

WIDTH, NUM_PUBLISHED_BLOCKS = 384, 12


def sample_arrays(num_blocks: int = NUM_PUBLISHED_BLOCKS) -> dict[str, np.ndarray]:
    """Names and shapes of the file, float32; numbers that neither fade nor grow on their way through the network."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, WIDTH),
        "embeddings.mask_token": (1, WIDTH),
        "embeddings.position_embeddings": (1, 37 * 37 + 1, WIDTH),
        "embeddings.patch_embeddings.projection.weight": (WIDTH, 3, 14, 14),
        "embeddings.patch_embeddings.projection.bias": (WIDTH,),
        "layernorm.weight": (WIDTH,),
        "layernorm.bias": (WIDTH,),
    }
    for number in range(num_blocks):
        block = f"encoder.layer.{number}"
        dense = {f"attention.attention.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        dense |= {"attention.output.dense": (WIDTH, WIDTH)}
        dense |= {"mlp.fc1": (4 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 4 * WIDTH)}
        for name, shape in dense.items():
            shapes |= {f"{block}.{name}.weight": shape, f"{block}.{name}.bias": shape[:1]}
        for name in ("norm1", "norm2"):
            shapes |= {f"{block}.{name}.weight": (WIDTH,), f"{block}.{name}.bias": (WIDTH,)}
        for name in ("layer_scale1", "layer_scale2"):
            shapes[f"{block}.{name}.lambda1"] = (WIDTH,)
    chance = np.random.default_rng(0)
    arrays = {
        name: chance.standard_normal(shape, np.float32) * np.float32(0.05 if len(shape) > 1 else 0.2)
        for name, shape in shapes.items()
    }
    for name in arrays:
        if "norm" in name and name.endswith("weight"):
            arrays[name] += 1
    return arrays
