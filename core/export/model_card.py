"""`MODEL_CARD.md` of an exported model: what it learned from, how good it is for each class, where it ends.

After M. Mitchell and others, "Model Cards for Model Reporting", FAT* (2019), https://arxiv.org/abs/1810.03993.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.records import Split
from core.evaluation.statistics import wilson_interval
from core.export.certificate import Proven
from core.export.description import licence_of
from core.export.facts import ModelFacts
from core.export.formats import ExportFormat, Runtime
from core.inference.judging import describe_decision

CARD_NAME = "MODEL_CARD.md"

# Letters that Markdown takes for something else; names of classes are whatever people type.
_MARKDOWN_LETTERS = "\\`*_{}[]()#+-!|<>~"


def model_card(row: ExportFormat, facts: ModelFacts, proven: Proven) -> str:
    """The text of `MODEL_CARD.md`.

    Args:
        row: of the export.
        facts: of the model.
        proven: what the proof of this very export came to.
    """
    parts = [
        f"# {_plain(facts.title)}",
        f"A model that tells {len(facts.record.class_names)} classes apart in photos, made with Bluetit and exported "
        f"for {row.title}. It opens in {row.opens_in}.",
        "## What it learned from",
        _data(facts),
        "## How it was trained",
        _training(facts),
        "## How good it is",
        *_results(facts.report, proven),
        "## Where it ends",
        _limits(facts),
        "## Proof that it answers as the preview did",
        _proof(row, proven),
    ]
    return "\n\n".join(parts) + "\n"


def _data(facts: ModelFacts) -> str:
    images = facts.snapshot.images
    counts = Counter((image.class_index, image.split) for image in images)
    rows = [
        [_plain(name), *(f"{counts[index, split]:,}" for split in Split)]
        for index, name in enumerate(facts.snapshot.class_names)
    ]
    return (
        f"{len(images):,} photos of the dataset “{_plain(facts.snapshot.dataset_name)}”, frozen as the snapshot "
        f"`{facts.snapshot.hash}`.\n\n{_table(['class', *(split.value for split in Split)], rows)}"
    )


def _training(facts: ModelFacts) -> str:
    config, report = facts.config, facts.report
    lines = [
        f"network: {_network(config.backbone)}",
        f"licence of its weights: {_licence(config.backbone)}",
        f"head: {_head(config)}",
    ]
    if config.fine_tune is not None and report.get("fine_tuning_from") is not None:
        lines.append(f"fine-tuned from layer {config.fine_tune.first_layer} on")
    if report.get("num_epochs") is not None:
        best = (
            "" if report.get("best_epoch") is None else f", of which the best, number {report['best_epoch']}, was kept"
        )
        lines.append(f"{report['num_epochs']} epochs{best}")
    lines.append(f"augmentation: {'yes' if config.augment is not None else 'none'}")
    lines.append(f"seed: {config.seed}")
    packages = facts.environment.get("packages")
    if isinstance(packages, Mapping):
        lines.append("with " + ", ".join(f"{name} {version}" for name, version in packages.items()))
    return "\n".join(f"- {line}" for line in lines)


def _network(backbone: str) -> str:
    if backbone == SCRATCH:
        return "a small network that started from nothing"
    if backbone.startswith(HUB_PREFIX):
        return f"the module {backbone.removeprefix(HUB_PREFIX)} of TensorFlow Hub"
    return f"{backbone}, pretrained on ImageNet"


def _licence(backbone: str) -> str:
    return "its own" if backbone == SCRATCH else licence_of(backbone) or "not stated, see LICENCES.txt"


def _head(config: TrainConfig) -> str:
    hidden = ", ".join(str(units) for units in config.head.hidden_units)
    return f"dense layers of {hidden} units and one for the classes" if hidden else "one dense layer"


def _results(report: Mapping[str, Any], proven: Proven) -> list[str]:
    """A table for each split that was asked; shares with what is plausible (95 %) after so many photos."""
    parts = []
    for split in (Split.TEST, Split.VALIDATION):
        score = report.get(split.value)
        if not isinstance(score, Mapping) or "confusion" not in score:
            continue
        caveat = " These photos also chose the epoch, so it is a little too good." if split is Split.VALIDATION else ""
        parts += [
            f"Right on {score['num_correct']:,} of {score['num_photos']:,} {split.value} photos: "
            f"{_share(score['num_correct'], score['num_photos'])}.{caveat}",
            _per_class(report["class_names"], score["confusion"]),
        ]
    certificate = proven.certificate
    if not parts and certificate is None:
        return ["Nobody knows: its report is lost, and it was asked about no photos when it was exported."]
    if not parts and certificate is not None:
        seen = "photos that it learned from" if certificate.split == Split.TRAIN else f"{certificate.split} photos"
        unknown = " Nobody knows how good it is on others." if certificate.split == Split.TRAIN else ""
        return [f"Right on {100 * certificate.accuracy:.1f} % of {certificate.num_photos:,} {seen}.{unknown}"]
    return [*parts, "Intervals are Wilson's, 95 %: what is plausible after so few photos."]


def _per_class(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    rows = []
    for index, name in enumerate(names):
        right, photos = confusion[index][index], sum(confusion[index])
        called = sum(each[index] for each in confusion)
        rows.append([_plain(name), _share(right, photos), f"{photos:,}", _share(right, called), f"{called:,}"])
    return _table(
        ["class", "of its photos found (recall)", "photos", "of these answers right (precision)", "answers"], rows
    )


def _share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    low, high = wilson_interval(part, whole)
    return f"{100 * part / whole:.1f} % ({100 * low:.0f} to {100 * high:.0f} %)"


def _limits(facts: ModelFacts) -> str:
    refusing = describe_decision(facts.rule.decision) or (
        "Nobody has chosen when it does not know: it names one of its classes for every photo, whatever is on it."
    )
    return (
        f"It knows the classes above and nothing else. {refusing} Photos of another kind than those it learned from "
        "(other cameras, light, places, backgrounds) may be answered less well than the figures say. Its probabilities "
        f"are calibrated inside (temperature {facts.rule.decision.temperature:.3g})."
    )


def _proof(row: ExportFormat, proven: Proven) -> str:
    certificate = proven.certificate
    if certificate is None:
        return proven.told(row)
    packages = ", ".join(f"{name} {version}" for name, version in certificate.packages.items())
    if row.runtime is Runtime.BROWSER:
        asked = f"The page was opened in {certificate.packages['browser']} and asked about the photos' files"
        samples = "its button “Check yourself” does the same with three photos wherever it is opened."
    else:
        asked = "The file was loaded in a process of its own and asked by `classify.py` from the bytes of the photos' "
        asked += f"files ({packages})"
        samples = "`expected.json` has the expected answers for the photos in `samples`."
    return (
        f"{proven.told(row)} {asked}; its SHA-256 is `{certificate.artefact_sha256}`. `certificate.json` has the "
        f"figures; {samples}"
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """A text that Markdown shows letter by letter, in one line."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in _MARKDOWN_LETTERS else letter for letter in line)
