"""One HTML file with the model, what runs it, and everything that people see."""

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from core.actions.scripts import action_program, joined
from core.errors import WebPageError
from core.export.web.model import WebModel
from core.export.web.packed import pack
from core.export.web.runtime import WebRuntime
from core.features.neighbours import unit_length
from core.photos.fit import LETTERBOX_GREY, REDUCING_GAP, FitMode, shortest_side_for

_ASSETS = Path(__file__).parent / "assets"
_APACHE_LICENCE = Path(__file__).parents[3] / "LICENSE"
# Each comes after those that it imports from.
SCRIPTS = ("resample", "shrink", "jpeg_head", "photo", "packed", "network", "judge", "show", "camera", "trial", "page")
# What would end a script before its end, or turn what follows into a comment.
_ENDS_SCRIPT = re.compile(r"</script|<!--", re.IGNORECASE)
_SHOWN_CLASSES = 12  # more names are no reading matter
_GZIP_LEVEL = 9


def build_page(model: WebModel, runtime: WebRuntime) -> bytes:
    """The page, in UTF-8; the same for the same model and runtime.

    Nothing leaves it: its own security policy lets it load nothing and run nothing but what is in it.

    Args:
        model: with what the page says.
        runtime: from `find_runtime`.

    Raises:
        WebPageError: the runtime's script cannot stand in a page.
    """
    scripts = {"too_old": _read("too_old.js"), "runtime": _script_of(runtime), "program": program()}
    styles = _read("page.css")
    icon = base64.b64encode(_read("bluetit.svg").encode()).decode()
    values = {
        **scripts,
        "styles": styles,
        "policy": _policy(scripts.values(), styles),
        "icon": f"data:image/svg+xml;base64,{icon}",
        "title": html.escape(model.title),
        "maker_line": html.escape(model.maker_line),
        "num_classes": "1 class" if len(model.class_names) == 1 else f"{len(model.class_names):,} classes",
        "class_names": html.escape(_names(model.class_names)),
        "licence": html.escape(_licences(model, runtime)),
        "facts": _json(_facts(model)),
        "files": "\n".join(_file(name, data) for name, data in _files(model, runtime).items()),
    }
    return Template(_read("page.html")).substitute(values).encode()


def program() -> str:
    """The page's own scripts as one: each sees what those before it declare."""
    return "\n".join(['"use strict";', action_program(), joined([_read(f"{name}.js") for name in SCRIPTS])])


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _script_of(runtime: WebRuntime) -> str:
    # As the browser reads it, for its hash is in the policy.
    script = runtime.script.replace("\r\n", "\n").replace("\r", "\n")
    found = _ENDS_SCRIPT.search(script)
    if found is not None:
        raise WebPageError(
            f"The script of the web runtime holds {found[0]!r}, which would end it in a page. Use the published one."
        )
    return script


def _policy(scripts: Any, styles: str) -> str:
    """A content security policy by which the page runs what is in it, and reaches nothing else."""
    allowed = " ".join(map(_source_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed} 'wasm-unsafe-eval'; style-src {_source_hash(styles)}; "
        "img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'"
    )


def _source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _facts(model: WebModel) -> dict[str, Any]:
    height, width = model.image_size
    side = shortest_side_for(model.image_size, FitMode(model.fit_mode), crop_fraction=model.crop_fraction)
    features = model.reference.shape[1] if model.measures_distance and model.reference is not None else 0
    return {
        "classNames": list(model.class_names),
        "input": {
            "width": width,
            "height": height,
            "fitMode": model.fit_mode,
            "cropFraction": model.crop_fraction,
            "shortestSide": side,
            "reducingGap": REDUCING_GAP,
            "grey": LETTERBOX_GREY,
        },
        "rule": {
            "temperature": model.temperature,
            "minProbability": model.min_probability,
            "maxDistance": model.max_distance,
        },
        "numFeatures": features,
        "actions": {
            str(index): {
                "words": each.words,
                "colour": each.colour,
                "picture": each.picture and _action_id(each.picture),
                "sound": each.sound and _action_id(each.sound),
            }
            for index, each in sorted(model.actions.items())
        },
        "language": model.language,
        "samples": [
            {
                "id": _sample_id(number),
                "name": sample.name,
                "expected": {"answer": sample.answer, "shares": [round(share, 6) for share in sample.probabilities]},
            }
            for number, sample in enumerate(model.samples)
        ],
    }


def _json(values: Mapping[str, Any]) -> str:
    """JSON that stands in a script: no name of a class can end it."""
    return json.dumps(values).replace("<", "\\u003c")


def _files(model: WebModel, runtime: WebRuntime) -> dict[str, bytes]:
    files = {"runtime": runtime.program, "model": model.litert}
    if model.measures_distance and model.reference is not None:
        files["reference"] = _half(model.reference)
    samples = {_sample_id(number): sample.data for number, sample in enumerate(model.samples)}
    return {**files, **samples, **{_action_id(name): data for name, data in sorted(model.action_files.items())}}


def _half(reference: npt.NDArray[np.float32]) -> bytes:
    """Features of length 1, as the run's own file keeps them: 16 bits each, in the order of browsers' machines."""
    return unit_length(reference).astype("<f2").tobytes()


def _file(name: str, data: bytes) -> str:
    squeezed = gzip.compress(data, _GZIP_LEVEL, mtime=0)
    is_smaller = len(squeezed) < len(data)
    form, kept = ("gzip", squeezed) if is_smaller else ("plain", data)
    return f'<script type="application/octet-stream" id="{name}" data-form="{form}">{pack(kept)}</script>'


def _sample_id(number: int) -> str:
    return f"sample-{number}"


def _action_id(name: str) -> str:
    """Without the dot, which selectors read otherwise."""
    return name.replace(".", "-")


def _names(class_names: tuple[str, ...]) -> str:
    told = ", ".join(class_names[:_SHOWN_CLASSES])
    others = len(class_names) - _SHOWN_CLASSES
    return f"{told} and {others:,} more" if others > 0 else told


def _licences(model: WebModel, runtime: WebRuntime) -> str:
    parts = [model.licence.strip(), f"{runtime.notice}.", _APACHE_LICENCE.read_text(encoding="utf-8").strip("\n")]
    return "\n\n".join(part for part in parts if part)
