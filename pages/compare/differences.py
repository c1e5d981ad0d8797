"""In which settings the runs of a comparison differ, in plain words."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.backbones.catalog import find_backbone
from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.snapshots import load_snapshot
from core.errors import ConfigError, UnknownBackboneError, UnknownDatasetError
from core.runs.draft import CUT, SHARE, config_values
from core.runs.records import RunView
from core.runs.story import Outcome
from core.services import Services
from pages.compare.entrants import Entrant
from pages.widgets.setting_words import TITLES, setting_text
from pages.words.wording import count, plain

_NONE = "–"
_UNREADABLE = "not readable: made by another version"
_PHOTOS = "compare.photos"
_OTHER = ' class="bluetit-other"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that is not the same for all runs."""

    title: str
    values: tuple[str, ...]  # of each run; plain text


def find_differences(configs: Sequence[TrainConfig | None], photos: Sequence[str]) -> list[Difference]:
    """The settings that differ, the most telling first.

    Args:
        configs: of each run; None where it cannot be read.
        photos: what each learned from, in words.
    """
    rows = [("network", [_UNREADABLE if config is None else network_text(config) for config in configs])]
    rows.append(("photos", list(photos)))
    tables: list[dict[str, str]] = [{} if config is None else _settings(config) for config in configs]
    rows.append(("fine-tuning", [table.get(CUT, _NONE) for table in tables]))
    rows += [(TITLES[name], [table.get(name, _NONE) for table in tables]) for name in TITLES]
    return [Difference(title=title, values=tuple(values)) for title, values in rows if len(set(values)) > 1]


def network_text(config: TrainConfig) -> str:
    """The network that a run began with."""
    if config.backbone == SCRATCH:
        return "from scratch"
    if config.backbone.startswith(HUB_PREFIX):
        return f"TensorFlow Hub: {config.backbone.removeprefix(HUB_PREFIX).rstrip('/').rpartition('/')[2]}"
    try:
        return find_backbone(config.backbone).title
    except UnknownBackboneError:
        return config.backbone


def _settings(config: TrainConfig) -> dict[str, str]:
    values = config_values(config)
    is_tuned = values[SHARE] > 0
    texts = {name: setting_text(name, value) for name, value in values.items() if name in TITLES}
    if not is_tuned:
        texts = {name: text for name, text in texts.items() if not name.startswith("fine_tune.")}
    if config.image_size is None:
        texts["image_size"] = _own_size(config.backbone) or texts["image_size"]
    if config.backbone == SCRATCH:
        return texts | {CUT: "none: all is trained from the start"}
    return texts | {CUT: f"from layer {values[CUT]}" if is_tuned else "none: the new layers only"}


def _own_size(backbone: str) -> str:
    """The size of photos that a network of the catalogue was made for; nothing for others."""
    try:
        return setting_text("image_size", find_backbone(backbone).image_size)
    except UnknownBackboneError:
        return ""


def render_differences(entrants: Sequence[Entrant], services: Services) -> None:
    """A table of what differs; nothing where there are no two runs."""
    runs = [entrant.run for entrant in entrants if entrant.run is not None]
    if len(runs) < 2:
        return
    differences = find_differences([_config_of(run) for run in runs], [_photos_text(run, services) for run in runs])
    st.subheader("What was done differently", anchor=False)
    if not differences:
        st.caption("Nothing: these runs have the same network, photos and settings, chance included (seed).")
        return
    st.html(_table([run.name for run in runs], differences))
    st.caption("Marked: what is not as with the first model. All other settings are the same for all of them.")
    _explain_one_change(differences)


def _explain_one_change(differences: Sequence[Difference]) -> None:
    titles = {difference.title for difference in differences}
    if len(differences) == 1:
        st.caption(
            f":material/science: Only one thing differs, so a difference of the models comes from it: "
            f"{plain(differences[0].title)}. Chance has its part, too: another seed gives another model."
        )
    elif len(titles - {"seed"}) > 3:
        st.caption(
            ":material/science: Several things differ, so nobody can tell which of them makes a model better. To find "
            "out, change one at a time."
        )


def _config_of(run: RunView) -> TrainConfig | None:
    try:
        return run.config
    except ConfigError:
        return None


def _photos_text(run: RunView, services: Services) -> str:
    """The dataset as it was called when it was frozen, with how many photos the run learned from."""
    hashes: dict[str, str] = st.session_state.setdefault(_PHOTOS, {})
    if run.snapshot_hash not in hashes:
        try:
            name = load_snapshot(services.database, run.snapshot_hash).dataset_name
        except UnknownDatasetError:
            name = "a dataset that is gone"
        hashes[run.snapshot_hash] = name
    num_photos = Outcome.from_json(run.outcome or {}).num_train_photos
    # Two states of one dataset may have the same number of photos: the snapshot's name tells them apart.
    return f"{hashes[run.snapshot_hash]}, {count(num_photos, 'training photo')} (state {run.snapshot_hash[:6]})"


def _table(names: Sequence[str], differences: Sequence[Difference]) -> str:
    """As HTML, so that it can be read on a phone and by a screen reader; all texts are shown letter by letter."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row.title[0].upper() + row.title[1:])}</th>'
        + "".join(
            f'<td data-title="{html.escape(name)}"{_OTHER if value != row.values[0] else ""}>{html.escape(value)}</td>'
            for name, value in zip(names, row.values, strict=True)
        )
        + "</tr>"
        for row in differences
    )
    return (
        '<div class="bluetit-differences"><table><thead><tr><th scope="col">Setting</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
