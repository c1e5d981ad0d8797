"""Sentences for people about what had to be decided to show their pictures."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.photos.camera_raw import RAW_LABEL
from core.photos.ground import Ground
from core.photos.rendering import Rendering, Survey
from core.photos.tones import ScaleSource, ToneKind, ToneScale, is_nearly_black, whole_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFacts:
    """What was found in a photo's file, and decided about it."""

    format: str  # as people call it
    survey: Survey = field(default_factory=Survey)
    rendering: Rendering = field(default_factory=Rendering)
    num_pages: int = 1  # in the file, of which one is the photo
    page_word: str = "pages"  # or frames
    num_bands: int = 3  # in the file, of which no more than three are the photo

    @property
    def is_ordinary(self) -> bool:
        """Whether there is nothing to tell."""
        return self.survey == Survey() and self.num_pages == 1 and self.num_bands <= 3 and self.format != RAW_LABEL


def tell(photos: Iterable[PhotoFacts]) -> list[str]:
    """What is to be said about pictures that came in together: a sentence for each thing, with the number of them."""
    told: Counter[_Remark] = Counter()
    page_counts: Counter[tuple[str, int]] = Counter()
    for photo in photos:
        told.update(_remarks(photo))
        if photo.num_pages > 1:
            page_counts[photo.page_word, photo.num_pages] += 1
    sentences = [remark(num) for remark, num in told.items()]
    return sentences + _tell_of_pages(page_counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remark:
    """Something that is true of some pictures."""

    of_one: str
    of_many: str

    def __call__(self, num: int) -> str:
        return f"1 picture {self.of_one}." if num == 1 else f"{num:,} pictures {self.of_many}."


def _remarks(photo: PhotoFacts) -> Iterable[_Remark]:
    if photo.format == RAW_LABEL:
        yield _Remark(
            of_one="is a camera's raw file: it was developed in full",
            of_many="are cameras' raw files: they were developed in full",
        )
    if photo.num_bands > 3:
        said = f"{photo.num_bands} bands: only red, green and blue were read"
        yield _Remark(of_one=f"has {said}", of_many=f"have {said}")
    tones, ground = photo.survey.tones, photo.survey.ground
    if tones is not None and tones.group in photo.rendering.scales:
        scale = photo.rendering.scales[tones.group]
        said = _scale_words(scale, tones.kind)
        yield _Remark(of_one=f"has {said}", of_many=f"have {said}, the same for all of them")
        if is_nearly_black(tones, scale):
            why = f"far below {scale.high:.4g}, which was taken as white"
            yield _Remark(
                of_one=f"is nearly black, because its values are {why}",
                of_many=f"are nearly black, because their values are {why}",
            )
    if ground is not None and photo.rendering.ground is not None:
        chosen = photo.rendering.ground
        if chosen is not Ground.WHITE:
            what = "pale" if chosen is Ground.DARK else "pale or dark"
            yield _Remark(
                of_one=f"is transparent with {what} content: it was put on a {chosen} ground",
                of_many=f"are transparent with {what} content: they were put on a {chosen} ground",
            )
        if chosen in ground.hidden_on:
            yield _Remark(
                of_one=f"can hardly be told from the {chosen} ground that was put behind it",
                of_many=f"can hardly be told from the {chosen} ground that was put behind them",
            )


def _scale_words(scale: ToneScale, kind: ToneKind) -> str:
    bits = whole_bits(scale)
    if bits is not None and kind is not ToneKind.FLOAT:
        return f"{bits} bits a pixel: values were scaled by {scale.high:.0f}"
    said = ", as the file says" if scale.source is ScaleSource.FILE else ""
    return f"more than 8 bits a pixel: {_number(scale.low)} was taken as black and {_number(scale.high)} as white{said}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _tell_of_pages(page_counts: Counter[tuple[str, int]]) -> list[str]:
    sentences = []
    for word in sorted({word for word, _ in page_counts}):
        sizes = {num_pages: num for (kind, num_pages), num in page_counts.items() if kind == word}
        most = max(sizes)
        of = f"1 of {most:,} {word}" if len(sizes) == 1 else f"1 of up to {most:,} {word}"
        num_files = sum(sizes.values())
        files = "1 file has" if num_files == 1 else f"{num_files:,} files have"
        sentences.append(f"{files} several {word}: the first that is not blank was taken ({of}).")
    return sentences
