"""Folders that are named like a split, in the spellings and languages that data sets have."""

import pytest

from core.datasets.readings.split_names import Role, framed_role_of, is_unsorted, role_of

SPELLINGS = {
    Role.TRAIN: (
        *(
            "train",
            "Training",
            "TRAIN",
            "train_images",
            "trainset",
            "training_set",
            "Training-Data",
            "train1",
            "Train2",
        ),
        *("seg_train", "Final_Training", "TrainImages", "train 2017", "trainval", "train_val", "Trainingsdaten"),
        *("Training (2)", "entraînement", "Apprentissage", "entrenamiento", "treino", "addestramento", "训练集"),
        *("训练", "訓練データ", "обучение", "train_jpg", "images_train", "1_train", "raw-train", "small_train"),
    ),
    Role.VALIDATION: (
        *("val", "valid", "Validation", "dev", "val2017", "validation_set", "ValImages", "seg_val", "Validierung"),
        *("validación", "validação", "convalida", "验证集", "валидация", "valid_images", "dev-set"),
    ),
    Role.TEST: (
        *(
            "test",
            "test1",
            "Testing",
            "TestData",
            "test_set",
            "eval",
            "evaluation",
            "Final_Test",
            "seg_test",
            "holdout",
        ),
        *("Testdaten", "prueba", "pruebas", "essai", "teste", "测试集", "テスト", "тест", "Prüfung", "test_images_2"),
    ),
    Role.UNLABELLED: ("unlabeled", "Unlabelled", "seg_pred", "prediction", "unlabeled_test", "unlabelled_images"),
    None: (
        *(
            "cats",
            "bullet_train",
            "train station",
            "test tube",
            "training shoes",
            "valley",
            "valentine",
            "devil",
            "rain",
        ),
        *("trainer", "contest", "testament", "evaluate me", "Trainspotting", "1", "", "a", "developer", "pretest cat"),
        *("protest", "latest", "attest", "validated banknote", "values"),
    ),
}


@pytest.mark.parametrize(
    ("folder", "role"), [(folder, role) for role, folders in SPELLINGS.items() for folder in folders]
)
def test_a_folder_is_a_split_when_all_its_words_say_so(folder: str, role: Role | None):
    """One word means a split, all others are fillers; anything else is a name of its own."""
    assert role_of(folder) is role


def test_a_name_around_the_word_is_handed_out():
    """`flowers_train` is a split only beside `flowers_test`: what they have in common is told."""
    assert framed_role_of("flowers_train") == (Role.TRAIN, ("flowers",))
    assert framed_role_of("Flowers-Test") == (Role.TEST, ("flowers",))
    assert framed_role_of("train_test") is None


@pytest.mark.parametrize(
    "name",
    [
        *(
            "unlabelled",
            "Unlabeled",
            "UNLABELLED photos",
            "unlabeled_test",
            "my unsorted pics (2)",
            "To Sort",
            "to_sort",
        ),
        *(
            "ToSort",
            "not yet sorted",
            "Zu sortieren",
            "unsortierte Fotos",
            "à trier",
            "sin clasificar",
            "não classificado",
        ),
        *("da ordinare", "te sorteren", "do posortowania", "без метки", "未分类图片", "未ラベル", "라벨 없음"),
    ],
)
def test_photos_that_nobody_has_sorted_are_known_by_their_folder(name: str):
    """In the languages of the splits, whatever the spelling; so it is one role of a folder, too."""
    assert is_unsorted(name)
    assert role_of(name) is Role.UNLABELLED


@pytest.mark.parametrize(
    "name", ["unlabelled bottles", "sort", "sorted", "labelled", "unknown", "none", "no", "pred", ""]
)
def test_a_class_may_be_called_nearly_so(name: str):
    """A name with something else in it, or that may mean “none of the classes”, is a class."""
    assert not is_unsorted(name)
