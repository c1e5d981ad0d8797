"""The facts about a model: what it is, what it learned from, when, with what; and how the training went."""

import html
import time
from typing import Any

import streamlit as st

from core.backbones.catalog import find_backbone
from core.config import SCRATCH
from core.datasets.records import SnapshotView, Split
from core.errors import ConfigError, RunFileError, StorageError, UnknownBackboneError
from core.recipes import RECIPES
from core.runs.records import RunView
from core.runs.story import Outcome
from core.services import Services
from pages.results.dataset_now import DatasetNow, read_snapshot
from pages.results.examination import render_look_again
from pages.results.material import Material
from pages.results.tables import mistakes_csv, predictions_csv, render_csv
from pages.widgets.live_chart import live_chart
from pages.words.curves import chart_columns, chart_summary, curves_of
from pages.words.telling import with_tag
from pages.words.wording import count, size_text, time_text
from pages.words.worth import SHORT

_CHART_PX = 360
_HASH_LETTERS = 12


def render_model_card(material: Material, now: DatasetNow | None, services: Services) -> None:
    """Facts, curves, downloads."""
    view = material.view
    outcome = Outcome.from_json(view.outcome or {})
    facts = st.container(horizontal=True, gap="medium")
    facts.metric(
        "Parameters", f"{outcome.num_parameters:,}", width="content", help="Learned numbers of the whole model."
    )
    facts.metric("Trained here", f"{outcome.num_trained_parameters:,}", width="content", help="Of these parameters.")
    facts.metric("Size", size_text(outcome.model_bytes), width="content", help="Of what answers, on disk.")
    if outcome.milliseconds_per_photo is not None:
        facts.metric(
            "Speed",
            f"{outcome.milliseconds_per_photo:.1f} ms",
            width="content",
            help="From pixels to probabilities, one photo on one processor core of this computer (latency), measured "
            "when it was trained.",
        )
    facts.metric("Training", time_text(outcome.seconds.get("total", 0.0)), width="content")
    snapshot = read_snapshot(view, services)
    rows = card_rows(view, outcome, snapshot, _read_environment(material))
    if material.worth is not None:
        told = SHORT[material.worth.worth.standing]
        rows.insert(
            0, ("Beside guessing", told if material.worth.worth.is_better else f"{told}. {material.worth.sentence}")
        )
    cells = "".join(f"<tr><th>{html.escape(title)}</th><td>{html.escape(text)}</td></tr>" for title, text in rows)
    st.html(f'<table class="bluetit-facts">{cells}</table>')
    _render_curves(view, services)
    _render_downloads(material, now)
    render_look_again(material, services)


def card_rows(
    view: RunView, outcome: Outcome, snapshot: SnapshotView | None, environment: dict[str, Any]
) -> list[tuple[str, str]]:
    """Title and text of each fact."""
    rows = [("Network", _network_text(str(view.config_values.get("backbone", "unknown"))))]
    if view.recipe is not None:
        rows.append(("Recipe", RECIPES[view.recipe].title if view.recipe in RECIPES else view.recipe))
    rows.append(("Learned from", _photos_text(outcome, snapshot)))
    rows.append(("Snapshot", view.snapshot_hash[:_HASH_LETTERS]))
    if view.finished_at is not None:
        rows.append(("When", time.strftime("%d %B %Y, %H:%M", time.localtime(view.finished_at))))
    best = "" if outcome.best_epoch is None else f", the best of them number {outcome.best_epoch}"
    rows.append(("Epochs", f"{outcome.num_epochs}{best}"))
    rows.append(("Device", outcome.device))
    seed = environment.get("seed", view.config_values.get("seed"))
    if seed is not None:
        rows.append(("Seed", str(seed)))
    rows.append(("Versions", _versions_text(environment)))
    return [(title, text) for title, text in rows if text]


def _network_text(backbone: str) -> str:
    if backbone == SCRATCH:
        return "A small network that started from nothing"
    try:
        found = find_backbone(backbone)
    except UnknownBackboneError:
        return backbone
    return f"{found.title}, pretrained on ImageNet"


def _photos_text(outcome: Outcome, snapshot: SnapshotView | None) -> str:
    learned = f"{count(outcome.num_train_photos, 'photo')} of {count(outcome.num_classes, 'class', 'classes')}"
    if snapshot is None:
        return learned
    held = {split: sum(image.split is split for image in snapshot.images) for split in (Split.VALIDATION, Split.TEST)}
    return (
        f"{learned} of the dataset {snapshot.dataset_name}; {held[Split.VALIDATION]:,} for validation and "
        f"{held[Split.TEST]:,} for the test were held back"
    )


def _versions_text(environment: dict[str, Any]) -> str:
    packages = environment.get("packages")
    parts = [f"Bluetit {environment['bluetit']}"] if "bluetit" in environment else []
    parts += [f"Python {environment['python']}"] if "python" in environment else []
    parts += [f"{name} {version}" for name, version in packages.items()] if isinstance(packages, dict) else []
    return ", ".join(parts)


def _read_environment(material: Material) -> dict[str, Any]:
    """What the run noted of the machine at its start; nothing where that is lost."""
    try:
        found = material.folder.read_json(material.folder.environment_path)
    except (RunFileError, StorageError):
        return {}
    return found if isinstance(found, dict) else {}


def _render_curves(view: RunView, services: Services) -> None:
    history = services.run_reader.history(view)
    if not history.epochs:
        return
    st.markdown("#### How the training went")
    try:
        config = view.config
    except ConfigError:
        st.caption("This run was made by another version of Bluetit, whose settings this one cannot read.")
        return
    curves = curves_of(history, config, is_active=False)
    told = with_tag({"chart": chart_columns(curves), "summary": chart_summary(curves)})
    live_chart(told, url=None, key=f"results.card.chart.{view.id}", height_px=_CHART_PX)


def _render_downloads(material: Material, now: DatasetNow | None) -> None:
    answers, judged, name = material.answers, material.judged, material.view.name
    if answers is None or judged is None:
        return
    st.markdown("#### Take the figures with you")
    with st.container(horizontal=True, gap="small"):
        render_csv(
            "All predictions",
            lambda: predictions_csv(answers, judged.temperature, now),
            file_name=f"{name} predictions",
            key="results.card.predictions",
        )
        render_csv(
            "Mistakes",
            lambda: mistakes_csv(judged, material.class_names, now),
            file_name=f"{name} mistakes",
            key="results.card.mistakes",
        )
    st.caption("The table of the classes is in Per class; every chart has a camera button that saves it as PNG.")
