"""The part of a script that reads photos and varies them."""

from string import Template

from core.config import AugmentConfig
from core.keras_script.literals import number_literal
from core.keras_script.plan import Plan
from core.photos.fit import LETTERBOX_GREY, REDUCING_GAP, FitMode, shortest_side_for

_LOAD_PHOTO = Template('''\
def load_photo(path):
    """Read a photo as uint8 (height, width, 3), 0-255: $summary."""
    height, width = IMAGE_SIZE
    with Image.open(path) as file:
        file.draft(None, ($shortest_side, $shortest_side))  # large JPEG files are read at a fraction of their size
        image = ImageOps.exif_transpose(file).convert("RGB")
$fit
    return np.asarray(image)''')

_SUMMARIES = {
    FitMode.CROP: "the middle of it",
    FitMode.LETTERBOX: "all of it, between grey bars",
    FitMode.SQUASH: "all of it, stretched to the size",
}

_FITS = {
    FitMode.CROP: Template("""\
    # $crop
    scale = ${factor}min(image.width / width, image.height / height)
    left = max(0.0, (image.width - width * scale) / 2)
    top = max(0.0, (image.height - height * scale) / 2)
    box = (left, top, image.width - left, image.height - top)
    image = image.resize((width, height), Image.Resampling.BICUBIC, box=box, reducing_gap=$reducing_gap)"""),
    FitMode.LETTERBOX: Template("""\
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    photo = image.resize(inner, Image.Resampling.BICUBIC, reducing_gap=$reducing_gap)
    image = Image.new("RGB", (width, height), $grey)
    image.paste(photo, ((width - inner[0]) // 2, (height - inner[1]) // 2))"""),
    FitMode.SQUASH: Template("""\
    image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=$reducing_gap)"""),
}

_WHOLE_CROP = "The largest part in the middle that has the right shape."
_PART_OF_CROP = "Of the largest part in the middle that has the right shape, this share of the sides."

_LOAD_SPLIT = Template('''\
def load_split(split):
    """Read the photos of a split: uint8 (photos, height, width, 3), and the number of each one's class."""
    paths, labels = [], []
    for label, folder in enumerate($folders):
        found = [path for path in (DATA_DIR / split / folder).glob("*") if path.suffix.lower() in PHOTO_ENDINGS]
        if split == "train" and not found:
            sys.exit(f"There are no photos in {DATA_DIR / split / folder}.")
        paths += sorted(found)
        labels += [label] * len(found)
    if not paths:
        sys.exit(f"There are no photos in {DATA_DIR / split}.")
    return np.stack([load_photo(path) for path in paths]), np.array(labels)''')

_MAKE_AUGMENTATION = Template('''\
def make_augmentation():
    """Layers that vary photos. They stay outside the model: inside, later layers would never leave training mode."""
    return keras.Sequential(
        [
$layers
        ]
    )''')

_MAKE_VIEWS = Template('''\
def make_views(photos):
    """Each photo itself and $more of it: uint8 (views, photos, height, width, 3)."""
    augmentation = make_augmentation()
    views = [photos]
    for _ in range($num_more):
        batches = [photos[start : start + 32].astype("float32") for start in range(0, len(photos), 32)]
        changed = [np.asarray(augmentation(batch, training=True)) for batch in batches]
        views.append(np.concatenate(changed).clip(0, 255).astype("uint8"))
    return np.stack(views)''')

_BATCHES_OF_VIEWS = '''\
class Batches(keras.utils.PyDataset):
    """The train photos in a new order in every epoch, and of each one any of its views."""

    def __init__(self, views, labels, batch_size):
        super().__init__()
        self.views, self.labels, self.batch_size = views, labels, batch_size
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self.labels) / self.batch_size)

    def __getitem__(self, number):
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return self.views[self.drawn[chosen], chosen], self.labels[chosen]

    def on_epoch_end(self):
        """Shuffle and draw again."""
        self.order = np.random.permutation(len(self.labels))
        self.drawn = np.random.randint(len(self.views), size=len(self.labels))'''

_BATCHES_OF_NEW_PIXELS = '''\
class Batches(keras.utils.PyDataset):
    """The train photos in a new order in every epoch, each varied anew."""

    def __init__(self, photos, labels, batch_size):
        super().__init__()
        self.photos, self.labels, self.batch_size = photos, labels, batch_size
        self.augmentation = make_augmentation()
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self.labels) / self.batch_size)

    def __getitem__(self, number):
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        photos = self.augmentation(self.photos[chosen].astype("float32"), training=True)
        return np.asarray(photos), self.labels[chosen]

    def on_epoch_end(self):
        """Shuffle again."""
        self.order = np.random.permutation(len(self.labels))'''


def photo_sections(plan: Plan) -> list[str]:
    """Functions and classes from a folder of files to batches of numbers."""
    folders = "CLASS_NAMES" if plan.folders == plan.class_names else "FOLDERS"
    sections = [_load_photo(plan), _LOAD_SPLIT.substitute(folders=folders)]
    if plan.augment is not None:
        layers = "\n".join(f"            {layer}," for layer in _augmenting_layers(plan.augment))
        sections.append(_MAKE_AUGMENTATION.substitute(layers=layers))
    if plan.num_views > 1:
        num_more = plan.num_views - 1
        more = "one other version" if num_more == 1 else f"{num_more} other versions"
        sections.append(_MAKE_VIEWS.substitute(num_more=num_more, more=more))
    if plan.num_views > 1 and not plan.is_solved:
        sections.append(_BATCHES_OF_VIEWS)
    if plan.config.is_augmented_freely:
        sections.append(_BATCHES_OF_NEW_PIXELS)
    return sections


def _load_photo(plan: Plan) -> str:
    mode = FitMode(plan.config.fit_mode)
    is_whole = plan.crop_fraction == 1
    fit = _FITS[mode].substitute(
        crop=_WHOLE_CROP if is_whole else _PART_OF_CROP,
        factor="" if is_whole else f"{number_literal(plan.crop_fraction)} * ",
        reducing_gap=REDUCING_GAP,
        grey=LETTERBOX_GREY,
    )
    shortest_side = shortest_side_for(plan.image_size, mode, crop_fraction=plan.crop_fraction)
    return _LOAD_PHOTO.substitute(summary=_SUMMARIES[mode], shortest_side=shortest_side, fit=fit)


def _augmenting_layers(augment: AugmentConfig) -> list[str]:
    """Keras' layers for what is switched on; see `core.photos.augment` for what each number means."""
    layers = [
        (augment.flip, 'RandomFlip("horizontal")'),
        (augment.rotation, f"RandomRotation({number_literal(augment.rotation)})"),
        (augment.zoom, f"RandomZoom({number_literal(augment.zoom)})"),
        (augment.shift, f"RandomTranslation({number_literal(augment.shift)}, {number_literal(augment.shift)})"),
        (augment.brightness, f"RandomBrightness({number_literal(augment.brightness)})"),
        (augment.contrast, f"RandomContrast({number_literal(augment.contrast)})"),
        (augment.colour, f"RandomSaturation({_saturation_range(augment.colour)})"),
    ]
    return [f"keras.layers.{layer}" for is_on, layer in layers if is_on]


def _saturation_range(colour: float) -> str:
    """The factors between which `RandomSaturation` makes colours stronger or weaker by a share.

    It multiplies by f / (1 - f), so that a factor of 0.5 changes nothing.
    """
    low, high = ((1 + change) / (2 + change) for change in (-colour, colour))
    return f"({low:.4f}, {high:.4f})"
