"""Folders that are named like a split: `train`, `seg_train`, `Final_Training`, `test1`, `Trainingsdaten`, `prueba` …

A name counts when one of its words means a split and all others are fillers, such as `images`, `set` or a number. So it
is with names of photos that nobody has sorted yet, which may be several words: `unlabelled`, `to sort`, `zu sortieren`.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from core.datasets.readings.unsorted_names import UNSORTED_NAMES
from core.datasets.records import Split


class Role(StrEnum):
    """What the photos of a folder are for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    UNLABELLED = "unlabelled"  # nobody says which class they are of

    @property
    def as_split(self) -> Split | None:
        """The split that the role stands for."""
        return None if self is Role.UNLABELLED else Split(self.value)


# English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Russian, Chinese, Japanese, Korean; without
# accents and in small letters.
_WORDS = {
    Role.TRAIN: (
        *("train", "training", "trn", "lernen", "entrainement", "apprentissage", "entrenamiento", "treino"),
        *(
            "trainval",
            "treinamento",
            "treinar",
            "addestramento",
            "trening",
            "treningowe",
            "обучение",
            "тренировка",
            "训练",
            "訓練",
        ),
        *("学習", "훈련", "학습"),
    ),
    Role.VALIDATION: (
        *("val", "valid", "validation", "dev", "development", "validierung", "validacion", "validacao", "convalida"),
        *("validazione", "validatie", "walidacja", "walidacyjne", "валидация", "验证", "驗證", "検証", "검증"),
    ),
    Role.TEST: (
        *(
            "test",
            "testing",
            "tst",
            "eval",
            "evaluation",
            "holdout",
            "prufung",
            "pruefung",
            "essai",
            "prueba",
            "pruebas",
            "teste",
        ),
        *("prova", "testen", "testowe", "тест", "测试", "測試", "テスト", "评估", "테스트", "시험"),
    ),
    Role.UNLABELLED: ("pred", "prediction", "predict", *(name for name in UNSORTED_NAMES if " " not in name)),
}
_ROLE_BY_WORD = {word: role for role, words in _WORDS.items() for word in words}
_FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "image", "images", "img", "imgs", "photo", "photos", "pic", "pics"),
        *("picture", "pictures", "folder", "files", "file", "split", "final", "full", "all", "raw", "seg", "cls"),
        *("classification", "class", "classes", "labeled", "labelled", "jpg", "jpeg", "png", "part", "small", "new"),
        *("original", "originals", "cropped", "resized", "daten", "datensatz", "bilder", "fotos", "foto", "donnees"),
        *("datos", "imagenes", "dados", "imagens", "dati", "immagini", "jeu", "de", "d", "conjunto", "zdjecia", "s"),
        *("集", "数据", "数据集", "集合", "图片", "セット", "データ", "用", "the", "my", "x", "v"),
    )
)
_UNSORTED_WORDS = frozenset(word for name in UNSORTED_NAMES for word in name.split())
_UNSORTED_KEYS = frozenset(name.replace(" ", "") for name in UNSORTED_NAMES)
_COMPOUND_ENDINGS = re.compile(
    r"(sets?|data|images?|imgs?|daten(satz)?|bilder|photos?|fotos?|集|数据集?|图片|照片|データ|画像|写真|사진|用)$"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_WORD_BREAK = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def role_of(folder: str) -> Role | None:
    """What a folder's name says its photos are for; None where it says nothing of the kind."""
    if is_unsorted(folder):
        return Role.UNLABELLED
    found = framed_role_of(folder)
    return found[0] if found is not None and not found[1] else None


@lru_cache(maxsize=4096)
def is_unsorted(name: str) -> bool:
    """Whether a folder or class is called as people call photos that nobody has sorted yet, whatever lies beside it."""
    key = "".join(word for word in _words_of(name) if _counts_for_unsorted(word))
    return key in _UNSORTED_KEYS or _COMPOUND_ENDINGS.sub("", key) in _UNSORTED_KEYS


def _counts_for_unsorted(word: str) -> bool:
    is_split = _role_of_word(word) not in (None, Role.UNLABELLED)  # "unsorted_train"
    return word in _UNSORTED_WORDS or not (word in _FILLERS or word.isdecimal() or is_split)


@lru_cache(maxsize=4096)
def framed_role_of(folder: str) -> tuple[Role, tuple[str, ...]] | None:
    """The role that one word of a folder's name stands for, and the other words that are no fillers.

    `flowers_train` beside `flowers_test` are splits, `bullet_train` beside `car` is none: whoever asks must compare the
    other words. None where no word stands for a role, or several do for different ones.
    """
    words = _words_of(folder)
    role = _single_role({role for word in words if (role := _role_of_word(word)) is not None})
    if role is None:
        return None
    others = tuple(
        word for word in words if _role_of_word(word) is None and word not in _FILLERS and not word.isdecimal()
    )
    return role, others


def _single_role(roles: set[Role]) -> Role | None:
    if Role.UNLABELLED in roles:
        return Role.UNLABELLED  # "unlabeled_test"
    if roles == {Role.TRAIN, Role.VALIDATION}:
        return Role.TRAIN  # "train_val": what is left when the test is taken out
    return next(iter(roles)) if len(roles) == 1 else None


def _words_of(folder: str) -> tuple[str, ...]:
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", folder))
    return tuple(word for word in _WORD_BREAK.split(without_accents(spaced.casefold())) if word)


def _role_of_word(word: str) -> Role | None:
    role = _ROLE_BY_WORD.get(word)
    if role is None:
        shorter = _COMPOUND_ENDINGS.sub("", word)
        # "trainingsdaten": German joins words with an s
        role = _ROLE_BY_WORD.get(shorter) or (_ROLE_BY_WORD.get(shorter[:-1]) if shorter.endswith("s") else None)
    return role


def without_accents(text: str) -> str:
    """Latin letters without their accents; all others stay as they are."""
    return "".join(
        unicodedata.normalize("NFD", char)[0] if "LATIN" in unicodedata.name(char, "") else char
        for char in unicodedata.normalize("NFC", text)
    )
