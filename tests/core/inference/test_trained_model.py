"""Models of finished runs that answer without Keras."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone, find_backbone
from core.errors import ArtefactDamagedError, ArtefactMissingError, RunFileError
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.head import Head, read_head
from core.inference.heatmap import class_activation_map, evidence
from core.inference.trained_model import backbone_to_prepare, find_trained_model
from core.photos.fit import FitMode, to_array
from core.photos.rendering import prevailing_rendering
from core.photos.store import encode_photo
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.settings import Settings
from tests.core.inference.model_samples import (
    SAMPLES,
    head_for_samples,
    own_record,
    record_for,
    write_head,
    write_model,
)
from tests.core.photos.photo_files import gradient, tiff

NAMES = ("cat", "**coffee**", "rocket")


@pytest.fixture
def folder(prepared_settings: Settings) -> RunFolder:
    return RunFolder(prepared_settings, 1)


@pytest.fixture
def own_settings(prepared_settings: Settings, prepared_cache: Path) -> Settings:
    """Settings whose cache holds copies, no links, of the prepared backbone: the test may damage them."""
    backbones_path = prepared_settings.cache_path / "backbones"
    shutil.rmtree(backbones_path)
    shutil.copytree(prepared_cache / "backbones", backbones_path)
    return prepared_settings


@pytest.fixture
def record(classifier: Classifier) -> ModelRecord:
    return record_for(classifier, NAMES)


def label_of(classifier: Classifier, photo: bytes) -> str:
    return classifier.classify(photo, "photo").predictions[0].label


# --- a head on a backbone --------------------------------------------------------------------------------


def test_a_head_answers_with_its_own_classes(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """The likeliest class comes first, by the name a person gave; three classes give three answers and no group."""
    write_model(folder, record, head_for_samples(classifier, 3))
    model = ClassifierCache(prepared_settings).get_trained(1)
    for photo, name in zip(SAMPLES, NAMES, strict=False):
        found = model.classify(photo, "photo")
        assert found.predictions[0].label == name
        assert found.predictions[0].probability > 0.99
        assert len(found.predictions) == 3
        assert sum(prediction.probability for prediction in found.predictions) == pytest.approx(1, abs=1e-5)
        assert (found.group, found.group_probability) == (None, 0.0)


def test_everything_a_model_says_is_there(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """Probabilities are the head's; features and feature map are the backbone's."""
    head = head_for_samples(classifier, 3)
    write_model(folder, record, head)
    model = ClassifierCache(prepared_settings).get_trained(1)
    square = model.square(SAMPLES[0], "cat")
    ours, backbones = model.answer(square), classifier.answer(square)
    np.testing.assert_array_equal(ours.features, backbones.features)
    np.testing.assert_array_equal(ours.feature_map, backbones.feature_map)
    np.testing.assert_array_equal(ours.probabilities, head.probabilities(backbones.features))


def test_a_single_logit_decides_between_two_classes(
    folder: RunFolder, classifier: Classifier, prepared_settings: Settings
):
    """One unit, as tutorials have it, gives two probabilities and two opposite kernels."""
    head = head_for_samples(classifier, 2, is_one_unit=True)
    assert head.kernels[-1].shape[1] == 1
    write_model(folder, record_for(classifier, ("cat", "coffee")), head)
    model = ClassifierCache(prepared_settings).get_trained(1)
    assert [label_of(model, photo) for photo in SAMPLES[:2]] == ["cat", "coffee"]
    square = model.square(SAMPLES[0], "cat")
    feature_map, kernel = model.answer(square).feature_map, head.kernels[0][:, 0]
    np.testing.assert_array_equal(model.heat(square, 0), class_activation_map(feature_map, -kernel))
    np.testing.assert_array_equal(model.heat(square, 1), class_activation_map(feature_map, kernel))


def test_photos_become_squares_as_in_training(folder: RunFolder, classifier: Classifier, prepared_settings: Settings):
    """The fit mode is the model's own, whatever the backbone was prepared with."""
    record = record_for(classifier, NAMES, fit_mode=FitMode.LETTERBOX.value)
    write_model(folder, record, head_for_samples(classifier, 3))
    model = ClassifierCache(prepared_settings).get_trained(1)
    assert to_array(model.square(SAMPLES[0], "cat")).tolist() != to_array(classifier.square(SAMPLES[0], "cat")).tolist()


def test_the_heat_of_a_linear_head_is_exact(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """The mean of the evidence over all places plus the bias is the class' logit."""
    head = head_for_samples(classifier, 3)
    write_model(folder, record, head)
    model = ClassifierCache(prepared_settings).get_trained(1)
    assert model.has_exact_heat
    square = model.square(SAMPLES[1], "coffee")
    outputs = model.answer(square)
    for index, logit in enumerate(head.logits(outputs.features)):
        places = evidence(outputs.feature_map, head.kernels[0][:, index])
        assert places.mean() + head.biases[0][index] == pytest.approx(logit, abs=1e-3)
        np.testing.assert_array_equal(
            model.heat(square, index), class_activation_map(outputs.feature_map, head.kernels[0][:, index])
        )


def test_the_heat_of_a_head_with_hidden_layers_is_grad_cam(
    folder: RunFolder, classifier: Classifier, prepared_settings: Settings
):
    """A cat beside a black half is warm on the cat; a hidden layer that never clips gives the map of a linear head."""
    linear = head_for_samples(classifier, 2)
    head = Head((linear.kernels[0], np.eye(2, dtype=np.float32)), (linear.biases[0] + 100, linear.biases[0]))
    write_model(folder, record_for(classifier, NAMES[:2], has_linear_head=False), head)
    model = ClassifierCache(prepared_settings).get_trained(1)
    assert not model.has_exact_heat
    cat = Image.new("RGB", (224, 224))
    cat.paste(model.square(SAMPLES[0], "cat").resize((112, 224)), (0, 0))
    heat = model.heat(cat, 0)
    assert heat[:, :3].sum() > 2 * heat[:, 4:].sum()
    expected = class_activation_map(model.answer(cat).feature_map, linear.kernels[0][:, 0])
    np.testing.assert_allclose(heat, expected, atol=1e-5)


def test_models_on_one_backbone_share_it(folder: RunFolder, classifier: Classifier, prepared_settings: Settings):
    """Two models and the backbone itself have one network in memory, and what it saw is computed once."""
    cache = ClassifierCache(prepared_settings)
    for number in (1, 2):
        record = record_for(classifier, NAMES, fingerprint=f"f{number}")
        write_model(RunFolder(prepared_settings, number), record, head_for_samples(classifier, 3))
    first, second = cache.get_trained(1), cache.get_trained(2)
    assert first is not second
    assert first.engine is second.engine is cache.get(find_backbone(first.record.backbone)).engine
    pixels = to_array(first.square(SAMPLES[0], "cat"))
    assert first.engine.features(pixels) is second.engine.features(pixels.copy())
    assert first.engine.features(pixels) is not first.engine.features(255 - pixels)


def test_a_model_is_loaded_once_and_anew_when_it_has_changed(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """Sessions share the model; one that was trained again never answers from memory."""
    cache = ClassifierCache(prepared_settings)
    head = head_for_samples(classifier, 3)
    write_model(folder, record, head)
    before = cache.get_trained(1)
    assert cache.get_trained(1) is before
    turned = Head((head.kernels[0][:, ::-1],), head.biases)
    write_model(folder, replace(record, fingerprint="beef"), turned)
    assert label_of(cache.get_trained(1), SAMPLES[0]) == "rocket"
    assert label_of(before, SAMPLES[0]) == "cat"


def test_a_class_with_another_name_is_another_answer(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """Trained again after a class was renamed, the head may be the same to the last bit; the answer is not."""
    cache = ClassifierCache(prepared_settings)
    write_model(folder, record, head_for_samples(classifier, 3))
    before = cache.get_trained(1)
    folder.write_json(folder.model_record_path, replace(record, class_names=("tiger", *NAMES[1:])).to_json())
    after = cache.get_trained(1)
    assert label_of(after, SAMPLES[0]) == "tiger"
    assert after.fingerprint != before.fingerprint


def test_a_purged_model_does_not_answer(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """What was loaded before does not outlive the run's folder."""
    cache = ClassifierCache(prepared_settings)
    write_model(folder, record, head_for_samples(classifier, 3))
    cache.get_trained(1)
    folder.delete()
    with pytest.raises(RunFileError, match=r"model\.json of run 1 is missing"):
        cache.get_trained(1)


def test_many_threads_load_a_model_once(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """Visitors who come at the same moment get one and the same classifier."""
    write_model(folder, record, head_for_samples(classifier, 3))
    cache = ClassifierCache(prepared_settings)
    found: list[Classifier] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get_trained(1))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({id(model) for model in found}) == 1


# --- when the backbone's artefact is gone ----------------------------------------------------------------


def artefact_path(settings: Settings, record: ModelRecord) -> Path:
    return settings.cache_path / "backbones" / str(record.artefact)


def test_without_its_artefact_a_model_says_what_to_do(
    own_settings: Settings, record: ModelRecord, classifier: Classifier
):
    """The cache may be deleted at any time; the message offers both remedies, and it is known what to prepare."""
    folder = RunFolder(own_settings, 1)
    write_model(folder, record, head_for_samples(classifier, 3))
    shutil.rmtree(own_settings.cache_path)
    with pytest.raises(ArtefactMissingError, match=r"EfficientNetLite0-.*Prepare it again.*Packaging the model"):
        find_trained_model(folder, own_settings)
    assert backbone_to_prepare(record) == find_backbone("EfficientNetLite0")


def test_a_damaged_artefact_is_not_used(own_settings: Settings, record: ModelRecord, classifier: Classifier):
    """A file that was cut off is noticed before it answers."""
    folder = RunFolder(own_settings, 1)
    write_model(folder, record, head_for_samples(classifier, 3))
    path = artefact_path(own_settings, record) / "model.tflite"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ArtefactDamagedError, match="changed or cut off"):
        find_trained_model(folder, own_settings)


def test_a_backbone_prepared_by_another_version_is_as_good(
    own_settings: Settings, classifier: Classifier, lite0: Backbone
):
    """After an update the old artefact is gone and the new one answers: both are Keras' network, within rounding."""
    folder = RunFolder(own_settings, 1)
    write_model(
        folder, record_for(classifier, NAMES, artefact="EfficientNetLite0-old"), head_for_samples(classifier, 3)
    )
    model = find_trained_model(folder, own_settings)
    assert model.network_path == load_artefact(lite0, own_settings).model_path
    assert label_of(ClassifierCache(own_settings).get_trained(1), SAMPLES[2]) == "rocket"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"image_size": (160, 160)}, id="another size"),
        pytest.param({"backbone": "hub:https://tfhub.dev/some/feature_vector/1"}, id="from TensorFlow Hub"),
        pytest.param({"artefact": None}, id="fine-tuned"),
    ],
)
def test_preparing_helps_only_heads_on_a_backbone_as_it_is(record: ModelRecord, values: dict[str, object]):
    """The page offers no button that would not help."""
    assert backbone_to_prepare(replace(record, **values)) is None


# --- a network of the run's own --------------------------------------------------------------------------


@pytest.fixture
def whole(own_settings: Settings, classifier: Classifier, lite0: Backbone) -> RunFolder:
    """A run whose own network has the thousand classes of its backbone, by numbers."""
    names = tuple(f"class {number}" for number in range(1000))
    artefact = load_artefact(lite0, own_settings)
    kernel, bias = artefact.read_classifier()
    folder = RunFolder(own_settings, 1)
    write_model(folder, record_for(classifier, names, artefact=None), Head((kernel,), (bias,)))
    shutil.copyfile(artefact.model_path, folder.litert_path)
    return folder


def test_a_network_of_its_own_answers(whole: RunFolder, own_settings: Settings, classifier: Classifier):
    """It needs nothing from the cache, and its heat maps are exact where its head is linear."""
    shutil.rmtree(own_settings.cache_path)
    model = ClassifierCache(own_settings).get_trained(1)
    ours, backbones = (found.classify(SAMPLES[0], "cat").predictions for found in (model, classifier))
    assert [found.index for found in ours] == [found.index for found in backbones]
    assert ours[0].label == f"class {ours[0].index}"
    square = model.square(SAMPLES[0], "cat")
    np.testing.assert_array_equal(model.heat(square, 281), classifier.heat(square, 281))


def test_a_fine_tuned_network_with_hidden_layers_has_grad_cam(
    whole: RunFolder, own_settings: Settings, classifier: Classifier
):
    """Its head lies beside it; its logits are the network's own, and the map is that of the head."""
    (kernel,), (bias,) = read_head(whole.head_path).kernels, read_head(whole.head_path).biases
    hidden = Head((kernel, np.eye(1000, dtype=np.float32)), (bias + 100, bias - bias))
    write_head(whole.head_path, hidden)
    model = ClassifierCache(own_settings).get_trained(1)
    square = model.square(SAMPLES[0], "cat")
    np.testing.assert_allclose(model.heat(square, 281), classifier.heat(square, 281), atol=1e-5)


def test_without_its_head_the_heat_is_measured(whole: RunFolder, own_settings: Settings):
    """A fine-tuned model answers even if the matrices of its head are gone; its heat falls where parts are covered."""
    whole.head_path.unlink()
    model = ClassifierCache(own_settings).get_trained(1)
    assert not model.has_exact_heat
    heat = model.heat(model.square(SAMPLES[0], "cat"), 281)
    assert (heat.shape, heat.max()) == ((7, 7), 1)


def test_a_head_of_another_network_beside_it_is_refused(whole: RunFolder, own_settings: Settings):
    """Files of two runs that were mixed up give no nonsense for heat."""
    write_head(whole.head_path, Head((np.ones((64, 1000), np.float32),), (np.zeros(1000, np.float32),)))
    with pytest.raises(RunFileError, match="does not fit"):
        ClassifierCache(own_settings).get_trained(1)


def test_a_network_that_shows_no_places_has_its_heat_measured(folder: RunFolder, prepared_settings: Settings):
    """A module of TensorFlow Hub has a map of one place: where the evidence lies is found by covering parts."""
    import keras

    from core.networks.convert import convert_to_litert

    pixels = keras.Input((28, 28, 3))
    features = keras.layers.Flatten()(keras.layers.AveragePooling2D(14)(pixels))  # brightness of the four quarters
    kernel = np.repeat(np.eye(4, 2, dtype=np.float32), 3, axis=0) / 50  # the first class is bright above on the left
    logits = keras.layers.Dense(2, use_bias=False, name="logits")
    feature_map = keras.layers.Reshape((1, 1, 12))(features)
    model = keras.Model(pixels, [keras.layers.Softmax()(logits(features)), features, feature_map])
    logits.set_weights([kernel])
    record = own_record(
        class_names=("left", "right"), image_size=(28, 28), fit_mode="squash", backbone="hub:/somewhere"
    )
    write_model(folder, record, Head((kernel,), (np.zeros(2, np.float32),)))
    convert_to_litert(model, folder.litert_path)
    found = ClassifierCache(prepared_settings).get_trained(1)
    assert not found.has_exact_heat
    heat = found.heat(Image.new("RGB", (28, 28), (255, 255, 255)), 0)
    assert heat.shape == (7, 7)
    assert heat[:3, :3].min() > 0.9
    assert heat[4:].max() < 0.1


def test_what_packaging_made_answers_when_the_artefact_is_gone(
    own_settings: Settings, whole: RunFolder, classifier: Classifier
):
    """A head whose backbone was deleted from the cache is no worse than before."""
    names = tuple(f"class {number}" for number in range(1000))
    whole.write_json(whole.model_record_path, record_for(classifier, names).to_json())
    assert find_trained_model(whole, own_settings).head is not None
    shutil.rmtree(own_settings.cache_path)
    model = find_trained_model(whole, own_settings)
    assert (model.head, model.network_path) == (None, whole.litert_path)


def test_a_network_that_is_gone_or_damaged_says_which_file(whole: RunFolder, own_settings: Settings):
    """Cut off, empty or deleted: a message with the remedy, and the server lives on."""
    content = whole.litert_path.read_bytes()
    for num_bytes in (len(content) - 5_000_000, len(content) // 3, 100, 0):
        whole.litert_path.write_bytes(content[:num_bytes])
        with pytest.raises(RunFileError, match=r"model\.tflite is damaged"):
            ClassifierCache(own_settings).get_trained(1)
    whole.litert_path.unlink()
    with pytest.raises(RunFileError, match=r"model\.tflite is missing"):
        ClassifierCache(own_settings).get_trained(1)


# --- descriptions that do not fit ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"class_names": ("cat", "coffee")}, "has 3 classes", id="number of classes"),
        pytest.param({"image_size": (160, 160)}, "takes 224×224 pixels", id="size"),
        pytest.param({"class_names": ("cat",)}, r"model\.json is damaged", id="one class"),
        pytest.param({"fingerprint": ""}, r"model\.json is damaged", id="no fingerprint"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    folder: RunFolder,
    record: ModelRecord,
    classifier: Classifier,
    prepared_settings: Settings,
    values: dict[str, object],
    message: str,
):
    """Files of two runs that were mixed up do not answer nonsense."""
    write_model(folder, replace(record, **values), head_for_samples(classifier, 3))
    with pytest.raises(RunFileError, match=message):
        ClassifierCache(prepared_settings).get_trained(1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"class_names": ["a", "b"]}', "\0"])
def test_a_description_that_is_none_is_refused(folder: RunFolder, prepared_settings: Settings, text: str):
    """Whatever is in the file, it is a message."""
    folder.create()
    folder.model_record_path.write_text(text)
    with pytest.raises(RunFileError, match=r"[Tt]rain again"):
        ClassifierCache(prepared_settings).get_trained(1)


def test_a_description_with_values_of_another_kind_is_refused(
    folder: RunFolder, record: ModelRecord, prepared_settings: Settings
):
    """All entries are there, and one of them is nothing."""
    folder.create()
    folder.write_json(folder.model_record_path, record.to_json() | {"class_names": None})
    with pytest.raises(
        RunFileError, match=r"model\.json of run 1 cannot be read: The class names is None; a list is needed"
    ):
        ClassifierCache(prepared_settings).get_trained(1)


def test_a_head_of_another_width_is_refused(folder: RunFolder, record: ModelRecord, prepared_settings: Settings):
    """A head of another backbone cannot answer on this one."""
    write_model(folder, record, None)
    write_head(folder.head_path, Head((np.ones((64, 3), np.float32),), (np.zeros(3, np.float32),)))
    with pytest.raises(RunFileError, match="1280 features"):
        ClassifierCache(prepared_settings).get_trained(1)


# --- photos of things that no network knows --------------------------------------------------------------


def test_a_model_tells_aliens_from_predators(
    folder: RunFolder, classifier: Classifier, prepared_settings: Settings, shared_dir: Path
):
    """A head fitted on 30 photos of each class is right for most of 20 others of each."""
    from sklearn.linear_model import LogisticRegression

    def photos(split: str, name: str, count: int) -> list[bytes]:
        paths = sorted((shared_dir / "data" / "alien_vs_predator" / split / name).iterdir())
        return [path.read_bytes() for path in paths[:count]]

    names = ("alien", "predator")
    train = [(photo, label) for label, name in enumerate(names) for photo in photos("train", name, 30)]
    features = np.stack([classifier.answer(classifier.square(photo, "train")).features for photo, _ in train])
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(features, [label for _, label in train])
    head = Head((fitted.coef_.T.astype(np.float32),), (fitted.intercept_.astype(np.float32),))
    write_model(folder, record_for(classifier, names), head)
    model = ClassifierCache(prepared_settings).get_trained(1)
    answers = [(label_of(model, photo), name) for name in names for photo in photos("validation", name, 20)]
    assert sum(answer == name for answer, name in answers) >= 0.85 * len(answers)


# --- photos that leave open how they are shown -----------------------------------------------------------


def test_new_photos_are_shown_as_those_that_the_model_learned_from(
    folder: RunFolder, record: ModelRecord, classifier: Classifier, prepared_settings: Settings
):
    """A scan of 12 bits is scaled as those of the training were, and the answer says how."""
    learned_from = [encode_photo(tiff(gradient(high)), "scan.tif").record.measurements for high in (60_000, 50_000)]
    rendering = prevailing_rendering(measured["rendering"] for measured in learned_from).to_json()
    scan = tiff(gradient(3000))
    brightest = {}
    for name, said in (("alone", None), ("learned", rendering)):
        write_model(folder, replace(record, rendering=said, fingerprint=name), head_for_samples(classifier, 3))
        model = ClassifierCache(prepared_settings).get_trained(1)
        brightest[name] = int(to_array(model.square(scan, "scan.tif")).max())
        assert "1 picture has" in model.classify(scan, "scan.tif").remarks[0]
    assert brightest["alone"] > 150
    assert brightest["learned"] < 20
    assert classifier.classify(SAMPLES[0], "photo").remarks == ()


def test_a_record_from_before_there_were_renderings(record: ModelRecord):
    """Models of earlier versions are read, and a record without a rendering is written as it always was."""
    assert "rendering" not in record.to_json()
    assert ModelRecord.from_json(record.to_json()) == record
    shown = replace(record, rendering={"scales": {}, "ground": "dark"})
    assert ModelRecord.from_json(shown.to_json()) == shown
    assert len({shown, replace(shown), record}) == 2  # models are looked up by their records
