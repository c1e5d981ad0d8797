"""The part of a script that trains, tells how good the model is, and saves it."""

from collections.abc import Sequence
from string import Template

from core.config import PhaseConfig
from core.keras_script.literals import call, number_literal
from core.keras_script.plan import Plan

_OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"}

_PRINT_ACCURACY = Template('''\
def print_accuracy(split, model, photos, labels):
    """Tell how many photos of a split the model gets right."""
    $answers
    num_correct = int((answers == labels).sum())
    print(f"{split} accuracy: {num_correct / len(labels):.4f} ({num_correct} of {len(labels)})")''')
_CHOSEN_CLASS = "answers = model.predict(photos, verbose=0).argmax(axis=-1)"
_SECOND_CLASS_OR_NOT = "answers = (model.predict(photos, verbose=0)[:, 0] > 0.5).astype(int)"

_LOAD = """\
    keras.utils.set_random_seed(SEED)
    photos, labels = load_split("train")
    validation_photos, validation_labels = load_split("validation")"""

_CLASS_WEIGHTS = """\
    # Photos of rare classes count more, so that in the sum each class counts the same.
    counts = np.bincount(labels)
    class_weights = {label: len(labels) / (len(counts) * count) for label, count in enumerate(counts)}"""

_TARGETS = """\
    # The right answers as rows with a 1 in the right place, from which label smoothing takes a little.
    targets = keras.utils.to_categorical(labels)
    validation_targets = keras.utils.to_categorical(validation_labels, len(CLASS_NAMES))"""

_VIEWS = "    views = make_views(photos)"

_FEATURES = Template("""\
    # The backbone is not trained$for_now, so it makes the same features of a photo in every epoch. Computing them once
    # saves nearly all of the time that `fit` through the whole network would take: the head is small.
    backbone$network = build_backbone()
    features = $features""")
_VALIDATION_FEATURES = "\n    validation_features = backbone.predict(validation_photos)"
_FEATURES_OF_PHOTOS = "backbone.predict(photos)"
_FEATURES_OF_VIEWS = "np.stack([backbone.predict(photos) for photos in views])"

_SOLVE = Template("""\
    # One linear layer on features that stay has one best answer: it is solved, not approached in small steps.
$solver
$fit
    kernel, bias = solver.coef_.T, solver.intercept_
$both    head = build_head(backbone.output_shape[-1])
    head.layers[-1].set_weights([kernel, bias])""")
_EXAMPLES_OF_PHOTOS = ("features", "labels")
# A photo counts once, however many views it has.
_EXAMPLES_OF_VIEWS = (
    "np.concatenate(features)",
    "np.tile(labels, len(features))",
    "np.full(features[..., 0].size, 1 / len(features))",
)
_BOTH_UNITS = """\
    # The solver answers with one number for two classes, the network with one for each.
    kernel, bias = np.hstack([-kernel / 2, kernel / 2]), np.hstack([-bias / 2, bias / 2])
"""

_WHOLE = Template("""\
    backbone$network = build_backbone()
    head = build_head(backbone.output_shape[-1])
    # Photos change in every epoch, so each has to go through the whole network each time: that takes its time.
    model = Network(backbone, head)""")

_UNFREEZE_LAYERS = Template("""\
    # Now the backbone is trained too from its layer $first_layer on, gently: the rate is small, the optimizer new.
    network.trainable = True
    for layer in network.layers[:$first_layer]:
        layer.trainable = False""")
_UNFREEZE_ALL = """\
    # Now the backbone is trained too, gently: the rate is small, the optimizer new.
    network.trainable = True"""

_UNDO = Template("""\
    # Fine-tuning that made nothing better is undone.
    if stopping.best $worse best_before:
        model.set_weights(weights_before)""")

_FINISH = Template("""\
$join    $model.save(MODEL_PATH)
    print(f"The model is in {MODEL_PATH}.")
    if any((DATA_DIR / "test").glob("*/*")):
        print_accuracy("test", $model, *load_split("test"))
    print_accuracy("validation", $model, validation_photos, validation_labels)""")
_JOIN = """\
    # Both parts as one: pixels 0-255 in, probabilities out.
    classifier = keras.Model(backbone.input, head(backbone.output))
"""
_JOIN_BOTH_WAYS = """\
    # Both parts as one: pixels 0-255 in, probabilities out, by the mean of a photo and its mirror image.
    pixels = keras.Input(backbone.input_shape[1:])
    mean = keras.layers.Average()([backbone(pixels), backbone(keras.ops.flip(pixels, axis=2))])
    classifier = keras.Model(pixels, head(mean))
"""


def training_sections(plan: Plan) -> list[str]:
    """`print_accuracy` and `main`, in which everything comes together."""
    answers = _SECOND_CLASS_OR_NOT if plan.has_one_unit else _CHOSEN_CLASS
    return [_PRINT_ACCURACY.substitute(answers=answers), _main(plan)]


def _main(plan: Plan) -> str:
    wanted = (
        (True, _LOAD),
        (plan.config.has_class_weights and not plan.is_solved, _CLASS_WEIGHTS),
        (plan.has_one_hot_targets, _TARGETS),
        (plan.num_views > 1, _VIEWS),
    )
    blocks = [block for is_wanted, block in wanted if is_wanted]
    blocks += [*_first_phase(plan), *_fine_tuning(plan), _finish(plan)]
    return 'def main():\n    """Train a model, save it, and tell how good it is."""\n' + "\n\n".join(blocks)


def _first_phase(plan: Plan) -> list[str]:
    """The head on features that were computed once; or all that trains, on photos."""
    is_fine_tuned = plan.config.fine_tune is not None
    network = ", network" if is_fine_tuned else ""
    if plan.is_from_features:
        features = _FEATURES_OF_VIEWS if plan.num_views > 1 else _FEATURES_OF_PHOTOS
        for_now = " for now" if is_fine_tuned else ""
        built = [_FEATURES.substitute(network=network, features=features, for_now=for_now)]
        if plan.is_solved:
            return [*built, _solve(plan)]
        built[0] += _VALIDATION_FEATURES
        begun = "    head = build_head(backbone.output_shape[-1])"
        model, train, validation = "head", "features", "validation_features"
    else:
        built = []
        begun = "    model = build_network()" if plan.is_from_scratch else _WHOLE.substitute(network=network)
        model, train, validation = "model", _pixels(plan), "validation_photos"
    phase = plan.config.head_phase
    fit = _fit(plan, phase, f"{model}.fit", (train, validation), epochs=[f"epochs={phase.num_epochs}"])
    if is_fine_tuned:
        fit = f"    history = {fit.lstrip()}"
    return [*built, "\n".join([begun, _compile(plan, phase, model), *_watchers(plan, phase), fit])]


def _solve(plan: Plan) -> str:
    """The last layer by scikit-learn: the same loss and the same penalty as of a run."""
    has_two_units = len(plan.class_names) == 2 and not plan.has_one_unit
    # Two units share what one would have: together they are half as large as scikit-learn thinks.
    strength = ["C=2"] if has_two_units else []
    return _SOLVE.substitute(
        solver=call("solver = LogisticRegression", [*strength, "max_iter=1000", *_balanced(plan)]),
        fit=call("solver.fit", _EXAMPLES_OF_VIEWS if plan.num_views > 1 else _EXAMPLES_OF_PHOTOS),
        both=_BOTH_UNITS if has_two_units else "",
    )


def _balanced(plan: Plan) -> list[str]:
    return ['class_weight="balanced"'] if plan.config.has_class_weights else []


def _fine_tuning(plan: Plan) -> list[str]:
    """Going on with the whole network; the better of the two phases' best epochs is kept."""
    if plan.config.fine_tune is None:
        return []
    phase = plan.config.fine_tune.phase
    lines = [_unfreeze(plan)]
    if plan.is_from_features:
        lines.append("    model = Network(backbone, head)")
    epochs = ["initial_epoch=num_epochs", f"epochs=num_epochs + {phase.num_epochs}"]
    lines += [
        _compile(plan, phase, "model"),
        "    num_epochs, best_before, weights_before = len(history.epoch), stopping.best, model.get_weights()",
        *_watchers(plan, phase, baseline=["baseline=best_before"]),
        _fit(plan, phase, "model.fit", (_pixels(plan), "validation_photos"), epochs=epochs),
    ]
    worse = ">=" if plan.config.stopping.monitor == "loss" else "<="
    return ["\n".join(lines), _UNDO.substitute(worse=worse)]


def _unfreeze(plan: Plan) -> str:
    assert plan.config.fine_tune is not None
    first_layer = plan.config.fine_tune.first_layer
    # The layers of a Hub module are its input and the module as a whole.
    is_whole = first_layer == 0 or plan.hub_source is not None
    return _UNFREEZE_ALL if is_whole else _UNFREEZE_LAYERS.substitute(first_layer=first_layer)


def _finish(plan: Plan) -> str:
    join = _JOIN_BOTH_WAYS if plan.config.averages_flips else _JOIN
    join, model = ("", "model") if plan.is_from_scratch else (join, "classifier")
    return _FINISH.substitute(join=join, model=model)


def _compile(plan: Plan, phase: PhaseConfig, model: str) -> str:
    optimizer = f"keras.optimizers.{_OPTIMIZERS[phase.optimizer]}({number_literal(phase.learning_rate)})"
    return call(f"{model}.compile", [optimizer, f"loss={_loss(plan)}", 'metrics=["accuracy"]'])


def _loss(plan: Plan) -> str:
    smoothing = plan.config.label_smoothing
    if smoothing:
        name = "BinaryCrossentropy" if plan.has_one_unit else "CategoricalCrossentropy"
        return f"keras.losses.{name}(label_smoothing={number_literal(smoothing)})"
    return '"binary_crossentropy"' if plan.has_one_unit else '"sparse_categorical_crossentropy"'


def _watchers(plan: Plan, phase: PhaseConfig, baseline: Sequence[str] = ()) -> list[str]:
    """The callbacks of a phase, each with a name."""
    stopping = plan.config.stopping
    monitor = f'monitor="val_{stopping.monitor}"'
    patience = f"patience={stopping.patience or phase.num_epochs}"
    arguments = [monitor, patience, *baseline, "restore_best_weights=True"]
    lines = [call("stopping = keras.callbacks.EarlyStopping", arguments)]
    if stopping.patience is None:
        lines.insert(0, "    # So patient that it never stops; it restores the best epoch in the end.")
    if stopping.plateau_patience is not None:
        arguments = [
            monitor,
            f"factor={number_literal(stopping.plateau_factor)}",
            f"patience={stopping.plateau_patience}",
            "min_delta=0",
            f"min_lr={number_literal(stopping.least_learning_rate)}",
        ]
        lines.append(call("slowing = keras.callbacks.ReduceLROnPlateau", arguments))
    return lines


def _fit(plan: Plan, phase: PhaseConfig, method: str, inputs: tuple[str, str], *, epochs: Sequence[str]) -> str:
    """The call of `fit` with the inputs of train and validation photos."""
    train, validation = inputs
    targets = "targets" if plan.has_one_hot_targets else "labels"
    is_drawn = plan.num_views > 1 or plan.config.is_augmented_freely
    batches = [f"Batches({train}, {targets}, {phase.batch_size})"]
    whole = [train, targets, f"batch_size={phase.batch_size}"]
    callbacks = ["stopping"] if plan.config.stopping.plateau_patience is None else ["stopping", "slowing"]
    arguments = [
        *(batches if is_drawn else whole),
        *epochs,
        f"validation_data=({validation}, validation_{targets})",
        *(["class_weight=class_weights"] if plan.config.has_class_weights else []),
        f"callbacks=[{', '.join(callbacks)}]",
    ]
    return call(method, arguments)


def _pixels(plan: Plan) -> str:
    return "views" if plan.num_views > 1 else "photos"
