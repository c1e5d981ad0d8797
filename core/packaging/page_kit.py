"""The export as a web page of its own: model, samples and all in one file, proven by opening it in a browser."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from core.actions.files import read_actions
from core.errors import WebPageError
from core.export.certificate import Proven
from core.export.description import describe_licences
from core.export.formats import ExportFormat
from core.export.material import Material
from core.export.page_wishes import read_page_wishes
from core.export.parity import Answers, labels_of
from core.export.proof import Proof
from core.export.sample_program import UNKNOWN
from core.export.samples import choose_samples
from core.export.web.asking import ask_page
from core.export.web.building import build_page
from core.export.web.model import Sample, WebAction, WebModel
from core.export.web.runtime import find_runtime
from core.inference.reference import read_reference


def write(material: Material, row: ExportFormat, draft: Path) -> None:
    """Write the page into a folder.

    Raises:
        WebRuntimeError: what runs models in browsers is not here and cannot be fetched.
        WebPageError: the model cannot be put into a page.
    """
    runtime = find_runtime(material.settings, check_cancelled=material.check)
    litert_path = draft / "model.tflite"
    material.model.write(litert_path)
    litert = litert_path.read_bytes()
    litert_path.unlink()
    (draft / row.artefact).write_bytes(build_page(_web_model(material, row, litert), runtime))
    (draft / "LICENCES.txt").write_text(describe_licences(material.facts, row), "utf-8")


def _web_model(material: Material, row: ExportFormat, litert: bytes) -> WebModel:
    facts = material.facts
    record, decision = facts.record, facts.rule.decision
    reference = read_reference(material.folder) if facts.has_reference else None
    reactions = read_actions(material.folder)
    return WebModel(
        title=facts.title,
        maker_line=read_page_wishes(material.folder).maker_line,
        class_names=labels_of(record.class_names),
        litert=litert,
        image_size=record.image_size,
        fit_mode=record.fit_mode,
        crop_fraction=record.crop_fraction,
        min_probability=decision.min_probability,
        max_distance=decision.max_distance,
        reference=None if reference is None else reference.features,
        samples=tuple(
            _sample(material, PurePosixPath(name).name, number)
            for name, number in choose_samples(material.photos, material.preview).items()
        ),
        actions={
            index: WebAction(words=each.words, colour=each.colour, picture=each.picture, sound=each.sound)
            for index, name in enumerate(record.class_names)
            if (each := reactions.by_class.get(name)) is not None
        },
        action_files={name: material.folder.file(name).read_bytes() for name in reactions.files},
        language=reactions.language,
        licence=describe_licences(facts, row),
    )


def _sample(material: Material, name: str, number: int) -> Sample:
    said = material.preview.answers
    answer = said.answers[number]
    return Sample(
        name=name,
        data=material.photos.data(number),
        probabilities=tuple(map(float, said.probabilities[number])),
        answer=None if answer == UNKNOWN else answer,
    )


def prove(material: Material, row: ExportFormat, draft: Path, *, watch: Callable[[int], None]) -> Proven:
    """Open the page in a browser of this machine, and compare what it answers; where none can be asked, say so.

    Args:
        material: what the page was made of.
        row: of the export.
        draft: the folder.
        watch: called often with how many photos were answered; raises to stop.

    Raises:
        StorageError: a file cannot be written.
    """
    photos = material.photos
    path = draft / row.artefact
    try:
        data = [photos.data(number) for number in range(len(photos))]
        said = ask_page(path.read_bytes(), data, place=draft.parent, watch=watch)
    except WebPageError as exc:
        return Proven(
            unproven=f"It was not proven in a browser here. {exc} The button “Check yourself” compares its answers "
            "wherever it is opened."
        )
    answers = Answers(
        probabilities=said.probabilities,
        answers=tuple(answer or UNKNOWN for answer in said.answers),
        milliseconds=said.milliseconds,
    )
    return material.compare(row, path, Proof(answers=answers, packages={"browser": said.browser}))


def add_samples(material: Material, draft: Path) -> None:
    """They are in the page already."""
