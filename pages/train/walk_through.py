"""The numbers that a walk-through was published with, beside those of the person's own run."""

import streamlit as st

from core.errors import RunFileError, StorageError
from core.export.findings import read_findings
from core.recipes import Figure, Recipe, Source
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.runs.story import EpochStory, Outcome
from core.runs.walk_through import last_repetition, own_figures, repeated_walk_through
from core.services import Services
from pages.train.layers import layers_of
from pages.words.wording import plain

_WORDS = {
    Figure.VALIDATION_BEFORE: "Validation, before fine-tuning",
    Figure.VALIDATION: "Validation accuracy",
    Figure.TEST: "Test accuracy",
    Figure.NUM_EPOCHS: "Epochs",
    Figure.RATE_REDUCED: "Learning rate reduced after epoch",
    Figure.NUM_LAYERS: "Layers of the network",
    Figure.NUM_TRAINED: "Trained parameters",
    Figure.DIFFERENCE: "Largest difference, saved and loaded",
}
_MISSING = {
    Figure.VALIDATION_BEFORE: "not fine-tuned",
    Figure.VALIDATION: "no photos",
    Figure.TEST: "no photos",
    Figure.RATE_REDUCED: "never",
    Figure.DIFFERENCE: "not saved yet",
}
_SHARES = (Figure.VALIDATION_BEFORE, Figure.VALIDATION, Figure.TEST)


def render_comparison(view: RunView, services: Services) -> None:
    """A run that is done beside its walk-through; nothing for runs that repeat none."""
    recipe = repeated_walk_through(view)
    if recipe is None or recipe.source is None or view.outcome is None:
        return
    with st.container(border=True, key="train-walk-through", gap="small"):
        st.markdown("**The walk-through and your run**")
        _render_table(recipe.source, _figures_of(view, services))
        st.caption(
            f"Published for {recipe.source.photos} in [{plain(recipe.source.title)}]({recipe.source.url}). Other "
            "photos give other numbers, and of your run the best epoch is kept, not the last."
        )


def render_published(recipe: Recipe, dataset_id: int | None, services: Services) -> None:
    """What came of the walk-through that is chosen; beside it the newest own run on the same photos, if any."""
    if recipe.source is None:
        return
    own = last_repetition(services.runs.list_runs(dataset_id), recipe)
    with st.container(border=True, key="train-published", gap="small"):
        st.markdown(f"**Published for {recipe.source.photos}**")
        _render_table(recipe.source, None if own is None else _figures_of(own, services))
        if own is None:
            st.caption("Your own numbers stand beside these once a run on this dataset is done.")
        else:
            st.caption(f"Yours: {plain(own.name)}. Other photos give other numbers.")


def _figures_of(view: RunView, services: Services) -> dict[Figure, float]:
    events = services.runs.events_after(view.id, 0, kinds=("epoch",))
    return own_figures(
        Outcome.from_json(view.outcome or {}),
        [EpochStory.from_json(event.payload) for event in events],
        num_layers=_num_layers(view, services),
        difference=_difference(RunFolder(services.settings, view.id)),
    )


def _num_layers(view: RunView, services: Services) -> int | None:
    return len(layers_of(str(view.config_values.get("backbone")), services)) or None


def _difference(folder: RunFolder) -> float | None:
    """What packaging found when it loaded the model again; None before it did."""
    try:
        found = read_findings(folder).get("keras")
    except (RunFileError, StorageError):
        return None  # the section of the files tells
    return None if found is None else found.difference


def _render_table(source: Source, own: dict[Figure, float] | None) -> None:
    lines = ["| | Published |" if own is None else "| | Published | Yours |"]
    lines.append("| :-- | --: |" if own is None else "| :-- | --: | --: |")
    for figure, value in source.figures:
        line = f"| {_WORDS[figure]} | {_text(figure, value)} |"
        lines.append(line if own is None else f"{line} {_own_text(figure, own)} |")
    st.markdown("\n".join(lines))


def _own_text(figure: Figure, own: dict[Figure, float]) -> str:
    return f"**{_text(figure, own[figure])}**" if figure in own else f":gray[{_MISSING.get(figure, 'not known')}]"


def _text(figure: Figure, value: float) -> str:
    """A figure with all the digits that are published."""
    if figure in _SHARES:
        return f"{100 * value:.4g}\N{NO-BREAK SPACE}%"
    return f"{value:.1g}" if 0 < value < 1 else f"{value:,.0f}"
