"""What a run can set beside the numbers that its walk-through was published with."""

from collections.abc import Sequence
from itertools import pairwise

from core.recipes import RECIPES, Figure, Recipe
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory, Outcome


def repeated_walk_through(view: RunView) -> Recipe | None:
    """The walk-through that a run repeats; None for our own recipes and where another network was taken."""
    recipe = RECIPES.get(view.recipe or "")
    if recipe is None or recipe.source is None or view.config_values.get("backbone") != recipe.backbone:
        return None
    return recipe


def last_repetition(views: Sequence[RunView], recipe: Recipe) -> RunView | None:
    """The newest of some runs that is done and repeats a walk-through."""
    done = (each for each in views if each.status is RunStatus.DONE and each.outcome is not None)
    return max(
        (each for each in done if repeated_walk_through(each) is recipe), key=lambda each: each.created_at, default=None
    )


def own_figures(
    outcome: Outcome, epochs: Sequence[EpochStory], *, num_layers: int | None, difference: float | None
) -> dict[Figure, float]:
    """The figures of a run that is done; what it has not is missing.

    Args:
        outcome: of the run.
        epochs: all of its epochs.
        num_layers: of its backbone; None: not known.
        difference: largest, of probabilities, once the model was saved and loaded again; None: it was not.
    """
    validation, test = outcome.validation_score, outcome.test_score
    found = {
        Figure.VALIDATION_BEFORE: _validation_before(epochs, outcome.fine_tuning_from),
        Figure.VALIDATION: None if validation is None else validation.accuracy,
        Figure.TEST: None if test is None else test.accuracy,
        Figure.NUM_EPOCHS: outcome.num_epochs,
        Figure.RATE_REDUCED: _first_reduction(epochs),
        Figure.NUM_LAYERS: num_layers,
        Figure.NUM_TRAINED: outcome.num_trained_parameters,
        Figure.DIFFERENCE: difference,
    }
    return {figure: float(value) for figure, value in found.items() if value is not None}


def _validation_before(epochs: Sequence[EpochStory], num_epochs_before: int | None) -> float | None:
    """Accuracy on the validation photos after the last epoch before fine-tuning."""
    last = next((epoch for epoch in epochs if epoch.epoch == num_epochs_before), None)
    return None if last is None else last.validation_accuracy


def _first_reduction(epochs: Sequence[EpochStory]) -> int | None:
    """The epoch after which the learning rate was reduced; that of another phase is no reduction."""
    return next(
        (
            before.epoch
            for before, after in pairwise(epochs)
            if after.phase == before.phase and after.learning_rate < before.learning_rate
        ),
        None,
    )
