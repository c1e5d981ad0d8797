"""EfficientNet-Lite, which Keras lacks, as source text for a script: copied from our own modules, written once."""

import ast
from pathlib import Path

from core.keras_script.imports import imports_of

_CORE_DIR = Path(__file__).parent.parent
_MODULES = ("backbones/efficientnet_lite", "networks/efficientnet_lite", "backbones/torch_weights")

_HEADING = """\
# --- EfficientNet-Lite and its weights, copied from Bluetit: nothing to change below ---


class WeightsDamagedError(Exception):
    \"\"\"The weight file is not what it should be.\"\"\""""


def efficientnet_lite_source() -> str:
    """`build_efficientnet_lite`, `load_state_dict`, `read_state_dict` and what they need, without imports."""
    bodies = [_without_head(_read(module)) for module in _MODULES]
    # A script is one module: what docstrings refer to is in it.
    return "\n\n\n".join([_HEADING, *bodies]).replace("core.backbones.torch_weights.", "")


def efficientnet_lite_imports() -> dict[str, tuple[str, str | None]]:
    """What that source may use of other packages, in the form of `core.keras_script.imports.KNOWN_IMPORTS`."""
    found: dict[str, tuple[str, str | None]] = {}
    for module in _MODULES:
        found |= imports_of(_read(module))
    return {name: origin for name, origin in found.items() if not origin[0].startswith("core.")}


def _read(module: str) -> str:
    return (_CORE_DIR / f"{module}.py").read_text(encoding="utf-8")


def _without_head(source: str) -> str:
    """A module's source below its docstring and imports."""
    head = (ast.Import, ast.ImportFrom, ast.Expr)
    last = [node for node in ast.parse(source).body if isinstance(node, head)][-1]
    return "\n".join(source.splitlines()[last.end_lineno :]).strip("\n")
