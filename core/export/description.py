"""`model.json` and `LICENCES.txt` of an exported model: how it is asked, and whose work is in it."""

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from core.backbones.catalog import find_backbone
from core.config import HUB_PREFIX, SCRATCH
from core.errors import UnknownBackboneError
from core.export.facts import ModelFacts
from core.export.formats import ExportFormat, Runtime

_WIDTH = 100  # characters of a line of prose


def describe_model(row: ExportFormat, facts: ModelFacts, *, features_layer: str | None) -> dict[str, Any]:
    """What `model.json` holds.

    Args:
        row: of the export.
        facts: of the model.
        features_layer: name of the layer in the Keras model that distances are measured behind; None: it was written
            without one.
    """
    record, decision = facts.record, facts.rule.decision
    height, width = record.image_size
    return {
        "title": facts.title,
        "format": row.name,
        "artefact": row.artefact,
        "opens_in": row.opens_in,
        "class_names": list(record.class_names),
        "image_size": {"height": height, "width": width},
        "fit_mode": record.fit_mode,
        "crop_fraction": record.crop_fraction,
        "input": f"float32 (photos, {height}, {width}, 3), red, green and blue from 0 to 255; scaled inside",
        "output": "probabilities of the classes, 0 to 1, calibrated inside",
        "temperature": decision.temperature,
        "temperature_is_inside": True,
        "min_probability": decision.min_probability,
        "max_distance": decision.max_distance,
        "features_layer": features_layer,
        "backbone": record.backbone,
        "licence": licence_of(record.backbone),
        "snapshot": facts.snapshot.hash,
        "made_with": dict(facts.versions),
    }


def licence_of(backbone: str) -> str | None:
    """SPDX identifier of the licence of a network's weights; None where nobody states it.

    Args:
        backbone: as in `TrainConfig.backbone`.
    """
    try:
        return find_backbone(backbone).licence
    except UnknownBackboneError:
        return None


def describe_licences(facts: ModelFacts, row: ExportFormat) -> str:
    """The text of `LICENCES.txt`.

    Args:
        facts: of the model.
        row: of the export.
    """
    is_page = row.runtime is Runtime.BROWSER
    where, what = ("on the page", "page") if is_page else ("in the folder samples", "zip")
    program = "The page around the model" if is_page else "The sample program classify.py"
    parts = [
        _network_licence(facts.record.backbone),
        "What the training added (the weights of the trained layers) belongs to whoever trained the model; so do its "
        f"photos, those {where} among them. Whoever passes the {what} on passes these photos on, too.",
        f"{program} was written by Bluetit and may be used, changed and passed on by anybody for any purpose.",
    ]
    wrapped = [textwrap.fill(part, _WIDTH, break_long_words=False, break_on_hyphens=False) for part in parts]
    return "\n\n".join(wrapped) + "\n"


def json_text(values: Mapping[str, Any]) -> str:
    """JSON as people read it."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _network_licence(backbone: str) -> str:
    if backbone == SCRATCH:
        return "The network started from nothing: no work of others is in its weights."
    if backbone.startswith(HUB_PREFIX):
        return (
            f"The network is a module of TensorFlow Hub, {backbone.removeprefix(HUB_PREFIX)}. Its page there states "
            "its licence; look it up before you pass the model on."
        )
    try:
        found = find_backbone(backbone)
    except UnknownBackboneError:
        return f"The network is {backbone}, which this version of Bluetit does not know, nor its licence."
    unstated = "come without a stated licence: ask before you pass them on"
    licence = f"are licensed {found.licence}" if found.licence else unstated
    return (
        f"The network is {found.title} ({found.year}), pretrained on ImageNet; its weights {licence}. "
        f"“{found.paper}”, {found.paper_url}"
    )
