"""A model's web page of its own in a real browser, opened as a file: no server, no network.

It is made of a real network, so that its answers can be compared with those of the preview on real photos.
"""

import base64
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.export.formats import MAX_PAGE_DIFFERENCE
from core.export.web.asking import ask_page
from core.export.web.building import build_page
from core.export.web.model import Sample, WebAction, WebModel
from core.export.web.runtime import WebRuntime, find_runtime
from core.inference.classifier import Classifier
from core.inference.judging import Judge, Rule
from core.inference.reference import Reference
from core.photos.fit import FitMode
from core.photos.squares import SquareMaker
from core.runs.decision import Decision
from core.settings import Settings
from tests.core.actions.sounds import wav
from tests.e2e.camera_scenes import give_camera, put_before_camera, said
from tests.e2e.conftest import TIMEOUT_MILLISECONDS
from tests.e2e.photos import as_jpeg, sample
from tests.waiting import wait_until

PHONE = {"width": 390, "height": 800}
# The third of the sample photos is like none of those that are known.
SAMPLES = ("Cat", "Coffee", "Rocket")
DECISION = Decision(temperature=1.3, min_probability=0.1, max_distance=0.3)
# As far as browsers' decoders of photos differ from Pillow's.
MAX_PIXEL_DIFFERENCE = 2
# Of JPEGs that Pillow decodes smaller, and the page makes smaller: beside the strongest colours, which the browser has
# cut off at 255, a few values differ by more.
MAX_SHARE_BEYOND = 0.01
MAX_MEAN_DIFFERENCE = 0.5

ASK_FOR_SQUARE = """
async ([data, input]) => {
  const file = new Blob([Uint8Array.from(atob(data), (letter) => letter.codePointAt(0))]);
  const image = await openImage(file, "photo");
  const square = await squareOf(file, image, { ...FACTS.input, ...input });
  URL.revokeObjectURL(image.src);
  return btoa(Array.from(square.data, (value) => String.fromCodePoint(value)).join(""));
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The page in a browser."""

    page: Page
    requests: list[str]  # addresses of all that it asked for


@pytest.fixture(scope="module")
def runtime() -> WebRuntime:
    """As it is published."""
    folder = os.environ.get("BLUETIT_WEB_RUNTIME_DIR")
    if folder is None:
        pytest.skip("needs a network: BLUETIT_WEB_RUNTIME_DIR names no folder with LiteRT for browsers")
    return find_runtime(Settings(web_runtime_dir=Path(folder)))


@pytest.fixture(scope="module")
def judge(default_classifier: Classifier) -> Judge:
    """Knows the first two of the samples."""
    features = np.stack([outputs_of(default_classifier, as_jpeg(sample(name)))[1] for name in SAMPLES[:2]])
    reference = Reference(["0" * 64, "1" * 64], np.array([0, 1]), features)
    return Judge(Rule(decision=DECISION, reference_stamp=(1, 1)), reference)


@pytest.fixture(scope="module")
def model(default_classifier: Classifier, judge: Judge, lite0: Backbone, app_settings: Settings) -> WebModel:
    """The default network with a decision."""
    record = default_classifier.record
    samples = (expected_of(default_classifier, judge, as_jpeg(sample(name)), name=name) for name in SAMPLES)
    features = [outputs_of(default_classifier, as_jpeg(sample(name)))[1] for name in SAMPLES[:2]]
    return WebModel(
        title="Birds & others",
        maker_line="Made by class 5b",
        class_names=default_classifier.classes.labels,
        litert=load_artefact(lite0, app_settings).model_path.read_bytes(),
        image_size=record.image_size,
        fit_mode=record.fit_mode,
        crop_fraction=record.crop_fraction,
        temperature=DECISION.temperature,
        min_probability=DECISION.min_probability,
        max_distance=DECISION.max_distance,
        reference=np.stack(features),
        samples=tuple(samples),
        licence="Weights of EfficientNet-Lite0: Apache-2.0",
    )


def outputs_of(classifier: Classifier, data: bytes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Probabilities and features, as the preview computes them."""
    outputs = classifier.answer(classifier.square(data, "photo"))
    return outputs.probabilities, outputs.features


def expected_of(classifier: Classifier, judge: Judge, data: bytes, *, name: str = "photo") -> Sample:
    """What the preview says to a photo."""
    probabilities, features = outputs_of(classifier, data)
    shares = judge.calibrate(probabilities)
    (best,) = classifier.classes.top(shares, 1)
    answer = best.label if judge.refusal(best, features) is None else None
    return Sample(name=name, data=data, probabilities=tuple(shares.tolist()), answer=answer)


@pytest.fixture(scope="module")
def written(model: WebModel, runtime: WebRuntime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    path = tmp_path_factory.mktemp("stick") / "birds.html"
    path.write_bytes(build_page(model, runtime))
    return path


@pytest.fixture(scope="module")
def opened(chromium: Browser, written: Path) -> Iterator[Opened]:
    """The page at the width of a phone; every error counts."""
    context = chromium.new_context(viewport=PHONE)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(written.as_uri())
    expect(page.get_by_text("Ready.")).to_be_visible()
    yield Opened(page=page, requests=requests)
    context.close()
    assert errors == []


def photo_file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def card(page: Page, name: str) -> Any:
    return page.get_by_role("list", name="Answers").get_by_role("listitem").filter(has_text=name).first


def test_a_photo_is_answered_as_in_the_preview(opened: Opened, model: WebModel) -> None:
    """Label, share and five bars; the answer is told to those who listen instead of looking."""
    page, cat = opened.page, model.samples[0]
    page.get_by_label("Choose photos").set_input_files(photo_file("my cat.jpg", cat.data))
    found = card(page, "my cat.jpg")
    expect(found.get_by_role("heading")).to_have_text(cat.answer or "")
    expect(found.locator(".bars li")).to_have_count(5)
    expect(found.locator(".bars .share").first).to_have_text(f"{100 * max(cat.probabilities):.0f}\N{NO-BREAK SPACE}%")
    expect(page.locator("#status")).to_have_text(f"my cat.jpg: {cat.answer}")


def test_a_photo_like_none_that_is_known_is_not_answered(opened: Opened, model: WebModel) -> None:
    """As in the preview, with the reason."""
    assert [each.answer is None for each in model.samples] == [False, False, True]
    opened.page.get_by_role("button", name="Ask about Rocket").click()
    found = card(opened.page, "Rocket")
    expect(found.get_by_role("heading")).to_have_text("I don’t know")
    expect(found.get_by_text("it looks like none of the photos that the model learned from")).to_be_visible()


def test_the_page_checks_itself(opened: Opened) -> None:
    """It asks about the three sample photos, and shows what was expected beside what came."""
    opened.page.get_by_role("button", name="Check yourself").click()
    checked = opened.page.locator("#checked")
    expect(checked.get_by_text("✓ The same answers as where the model was made.")).to_be_visible()
    expect(checked.get_by_role("row")).to_have_count(1 + len(SAMPLES))
    expect(checked.get_by_role("row", name="Rocket").get_by_text("I don’t know")).to_have_count(2)


def test_what_is_no_photo_is_told(opened: Opened) -> None:
    """By name, with what can be read; the next photo is answered."""
    page = opened.page
    page.get_by_label("Choose photos").set_input_files(photo_file("notes.jpg", b"no photo"))
    expect(card(page, "notes.jpg").get_by_text("cannot read “notes.jpg” as a photo")).to_be_visible()


def test_the_camera_is_answered_while_it_moves(opened: Opened) -> None:
    """A picture can be kept like a photo; the camera is given back."""
    page = opened.page
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#live .bars li")).to_have_count(5)
    page.get_by_role("button", name="Keep this picture").click()
    expect(card(page, "From the camera").locator(".bars li")).to_have_count(5)
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator("#camera")).to_be_hidden()
    assert page.evaluate("document.querySelector('#video').srcObject.active") is False


def test_the_camera_sets_off_what_happens_at_a_class(
    chromium: Browser, model: WebModel, runtime: WebRuntime, tmp_path: Path
) -> None:
    """After a second, over the whole page, with its picture, words and colour; a touch ends it, a button mutes it."""
    cats = [model.class_names.index(name) for name in ("Egyptian cat", "tiger cat", "tabby")]
    action = WebAction(words="Meow!", colour="#ff8800", picture="action-1.jpg", sound="action-2.wav")
    files = {"action-1.jpg": as_jpeg(sample("Rocket")), "action-2.wav": wav()}
    sure = replace(model, temperature=0.05, max_distance=None)
    acting = replace(sure, actions=dict.fromkeys(cats, action), action_files=files, language="de")
    path = tmp_path / "acting.html"
    path.write_bytes(build_page(acting, runtime))
    context = chromium.new_context(viewport=PHONE)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    give_camera(page)
    page.goto(path.as_uri())
    expect(page.get_by_text("Ready.")).to_be_visible()
    page.get_by_role("button", name="Use the camera").click()
    put_before_camera(page, sample("Cat"))
    reaction = page.locator("#reaction")
    expect(reaction).to_be_visible()
    expect(reaction).to_contain_text("Meow!")
    assert page.evaluate("document.querySelector('#reaction').getBoundingClientRect().width") == PHONE["width"]
    wait_until(lambda: page.evaluate("document.querySelector('#reaction img').naturalWidth") > 0)
    assert said(page) == [["Meow!", "de"]]
    reaction.click()
    expect(reaction).to_be_hidden()
    page.get_by_role("button", name="Sound is on").click()
    expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
    context.close()


def test_everything_is_within_reach_on_a_phone(opened: Opened) -> None:
    """Nothing is wider than the window, and the keyboard reaches the choice of photos first."""
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") in ("files", "shot")


def test_both_themes_can_be_read(opened: Opened) -> None:
    """The page follows the system: dark on light, or light on dark."""
    brightness = []
    for scheme in ("light", "dark"):
        opened.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        colours = opened.page.evaluate(
            "(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))"
        )
        brightness.append([sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours])
    (text, paper), (dark_text, dark_paper) = brightness
    assert text < 200 < 600 < paper
    assert dark_paper < 200 < 600 < dark_text


def scene(width: int, height: int) -> Image.Image:
    """A photo of one's own size with fine and coarse structures."""
    photo = Image.open(sample("Coffee")).convert("RGB")
    return photo.resize((width, height), Image.Resampling.LANCZOS)


def saved(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **({"quality": 90} if kind == "JPEG" else {}), **options)
    return target.getvalue()


def turned(orientation: int) -> bytes:
    """A JPEG that is to be turned, no side of which is a whole number of blocks."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(scene(1101, 803), exif=exif)


PHOTOS = {
    "as large as the network sees": (saved(scene(500, 375)), {}),
    "half": (saved(scene(1021, 765)), {}),
    "a quarter": (saved(scene(1601, 1203)), {}),
    "an eighth": (saved(scene(2603, 2101)), {}),
    "grey": (saved(scene(640, 480).convert("L")), {}),
    "PNG, averaged first": (saved(scene(2999, 2001), "PNG", compress_level=1), {}),
    "tiny": (saved(scene(31, 57), "PNG"), {}),
    "letterbox": (saved(scene(1021, 765)), {"fitMode": "letterbox", "shortestSide": 224}),
    "squash": (saved(scene(1603, 765)), {"fitMode": "squash", "shortestSide": 224}),
    "whole crop": (saved(scene(700, 500), "PNG"), {"cropFraction": 1, "shortestSide": 224}),
    **{f"turned as in EXIF {number}": (turned(number), {}) for number in range(2, 9)},
}


@pytest.mark.parametrize(("data", "options"), PHOTOS.values(), ids=PHOTOS.keys())
def test_the_network_sees_the_pixels_of_the_preview(
    opened: Opened, default_classifier: Classifier, data: bytes, options: dict[str, Any]
) -> None:
    """Whatever the size, the format, the way it is turned and how it is fitted."""
    maker: SquareMaker = replace(
        default_classifier.squares,
        fit_mode=FitMode(options.get("fitMode", "crop")),
        crop_fraction=options.get("cropFraction", 0.875),
    )
    answer = opened.page.evaluate(ASK_FOR_SQUARE, [base64.b64encode(data).decode(), options])
    expected = np.asarray(maker.square(data, "photo"), np.int16)
    found = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(expected.shape).astype(np.int16)
    differences = np.abs(found - expected)
    is_made_smaller = (
        data.startswith(b"\xff\xd8") and min(Image.open(io.BytesIO(data)).size) >= 2 * maker.shortest_side_px
    )
    assert np.mean(differences > MAX_PIXEL_DIFFERENCE) <= (MAX_SHARE_BEYOND if is_made_smaller else 0)
    assert differences.mean() <= MAX_MEAN_DIFFERENCE


def test_no_request_leaves_the_page(opened: Opened, written: Path) -> None:
    """After all that the tests before have done."""
    addresses = {address for address in opened.requests if not address.startswith(("blob:", "data:"))}
    assert addresses == {written.as_uri()}


def test_an_old_browser_says_that_it_is_too_old(chromium: Browser, written: Path) -> None:
    """In plain words, before anything is unpacked. Requests are refused as they are in any browser."""
    context = chromium.new_context(viewport=PHONE)
    context.add_init_script("delete window.DecompressionStream")
    page = context.new_page()
    page.goto(written.as_uri())
    expect(page.get_by_role("alert").filter(has_text="This browser is too old")).to_be_visible()
    expect(page.locator("#drop")).to_be_hidden()
    # Here where nobody counts errors: the browser refuses what the page's own policy forbids.
    assert page.evaluate("fetch('data:text/plain,x').then(() => 'sent', () => 'refused')") == "refused"
    context.close()


def test_a_hundred_photos_are_answered_as_the_preview_does(
    written: Path, default_classifier: Classifier, judge: Judge, shared_dir: Path
) -> None:
    """In a browser that Bluetit itself starts: same class, same decision, probabilities within two points."""
    paths = sorted((shared_dir / "data" / "imagenet_sample").glob("**/*.JPEG"))
    expected = [expected_of(default_classifier, judge, path.read_bytes()) for path in paths]
    said = ask_page(written.read_bytes(), [photo.data for photo in expected])
    assert len(expected) >= 100
    assert said.answers == tuple(photo.answer for photo in expected)
    probabilities = np.array([photo.probabilities for photo in expected])
    assert np.array_equal(said.probabilities.argmax(axis=1), probabilities.argmax(axis=1))
    assert np.abs(said.probabilities - probabilities).max() <= MAX_PAGE_DIFFERENCE
    assert "Chrom" in said.browser
