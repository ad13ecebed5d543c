"""A recipe: everything that decides a training, as one frozen value."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from tenfold.arrays import CLASSES, SIDE, TRAIN_IMAGES
from tenfold.errors import UsageError
from tenfold.recipes.layers import KINDS, Layer, LayerRow, describe_layer


@dataclass(frozen=True)
class Optimizer:
    """Which rule moves the weights, and how far.

    `learning_rate` is the highest one the schedule reaches. `beta_2` is Adam's second decay
    rate and is heard by Adam, AdamW, Muon and SOAP; `momentum` is heard by SGD and Muon, and is
    Adam's and AdamW's first decay rate. SOAP takes networks of up to 2,000 weights.
    """

    name: Literal["adam", "adamw", "sgd", "adadelta", "rmsprop", "muon", "soap"] = "adam"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    beta_2: float = 0.999
    momentum: float = 0.9


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves over the whole training.

    "one-cycle" (Smith and Topin, arXiv 1708.07120) climbs in a straight line from a tenth of
    the highest rate during the first `warmup` of all steps and falls in a straight line to 0.
    """

    shape: Literal["constant", "one-cycle"] = "constant"
    warmup: float = 0.25


@dataclass(frozen=True)
class Augmentation:
    """How training images are changed, anew in every epoch; each draw is uniform.

    `shift_pixels`: -n..n both ways, whole pixels if nothing else moves. `rotation_degrees`: -n..n.
    `scale`: factors 1 / (1 + n)..1 + n, height and width apart. `shear`: tangent, -n..n.
    `thickness`: strokes up to a pixel thicker or thinner: the weight, -n..n, of each pixel's
    brightest (above 0) or darkest (below 0) neighbor, itself included. `not_digits`: this part
    of each batch, 0..0.9, is made-up marks (`augmentation.non_digits`), all digits equally likely.
    `crowded`: this part of the digits, 0..1, is as a cut leaves it: with bits of neighbors
    (`augmentation.neighbors`). `flags`: this part of the ones, 0..1, has a flag
    (`augmentation.digit_forms`).
    `disturbed`: this part of all, 0..1, has patches turned light for dark, noise, strokes across
    and the like (`tenfold.augmentation.degradation`).
    """

    shift_pixels: float = 0.0
    rotation_degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    thickness: float = 0.0
    not_digits: float = 0.0
    crowded: float = 0.0
    flags: float = 0.0
    disturbed: float = 0.0

    def calmed(self) -> "Augmentation":
        """Return one that changes images half as far and half as often.

        Shifts stay as far and marks as many: that digits stand anywhere is soon forgotten.
        """
        halves = {field.name: getattr(self, field.name) / 2 for field in fields(self)}
        kept = {"shift_pixels": self.shift_pixels, "not_digits": self.not_digits}
        return replace(self, **halves | kept)


@dataclass(frozen=True)
class Recipe:
    """One way to train one network.

    `layers` stand between the pixels in [0, 1] and the ten outputs: a dense layer of ten
    logits and softmax are always added. `precision` "bfloat16" means mixed precision where
    the processor has bfloat16, and float32 elsewhere. `temperature` divides the logits of the
    finished network; it is fitted on validation images of a run on 55,000 and then frozen.
    `epoch_images`: an epoch takes so many images, drawn anew each time, or all if there are fewer.
    `calm_epochs`: in the last so many epochs the augmentation is `calmed`, so that the network ends
    nearer to images as they are.
    `members`: so many networks, each trained by itself; the answer is the mean of theirs.
    `read_shifts`: the finished network reads an image shifted by -n..n pixels both ways, and the
    answer is the mean over all (2n + 1)^2: more accurate, and as many times slower.
    """

    name: str
    summary: str
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    batch_size: int
    epochs: int
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    label_smoothing: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    temperature: float = 1.0
    epoch_images: int = TRAIN_IMAGES
    calm_epochs: int = 0
    members: int = 1
    read_shifts: int = 0


def check_recipe(recipe: Recipe) -> None:
    """Refuse settings that no training could use.

    Raises:
        UsageError: Names the first setting that is out of range, or the layer that does not fit.
    """
    augmentation = recipe.augmentation
    ranges: Sequence[tuple[str, float, float, float]] = (
        ("batch_size", recipe.batch_size, 1, TRAIN_IMAGES),
        ("epochs", recipe.epochs, 1, 100_000),
        ("epoch_images", recipe.epoch_images, recipe.batch_size, TRAIN_IMAGES),
        ("optimizer.learning_rate", recipe.optimizer.learning_rate, 1e-12, 1e6),
        ("optimizer.weight_decay", recipe.optimizer.weight_decay, 0, 1e6),
        ("optimizer.beta_2", recipe.optimizer.beta_2, 0, 0.9999999),
        ("optimizer.momentum", recipe.optimizer.momentum, 0, 0.9999999),
        ("schedule.warmup", recipe.schedule.warmup, 0.001, 0.999),
        ("label_smoothing", recipe.label_smoothing, 0, 0.9),
        ("temperature", recipe.temperature, 1e-3, 1e3),
        ("calm_epochs", recipe.calm_epochs, 0, recipe.epochs),
        ("members", recipe.members, 1, 100),
        ("read_shifts", recipe.read_shifts, 0, 3),
        ("augmentation.shift_pixels", augmentation.shift_pixels, 0, SIDE - 1),
        ("augmentation.rotation_degrees", augmentation.rotation_degrees, 0, 180),
        ("augmentation.scale", augmentation.scale, 0, 1),
        ("augmentation.shear", augmentation.shear, 0, 1),
        ("augmentation.thickness", augmentation.thickness, 0, 1),
        ("augmentation.not_digits", augmentation.not_digits, 0, 0.9),
        ("augmentation.crowded", augmentation.crowded, 0, 1),
        ("augmentation.flags", augmentation.flags, 0, 1),
        ("augmentation.disturbed", augmentation.disturbed, 0, 1),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:  # also refuses NaN
            raise UsageError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}")
    describe(recipe)


def member_seeds(recipe: Recipe, seed: int) -> range:
    """Return the seed of each member: no two seeds of a recipe have a member in common.

    A single network's seed is the seed itself, so an ensemble is made of networks that the same
    recipe without members gives too.
    """
    return range(seed * recipe.members, (seed + 1) * recipe.members)


def layer_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the name of each layer: its kind and its number among its kind, as in conv2."""
    seen: dict[str, int] = {}
    kinds = {cls: kind for kind, cls in KINDS.items()}
    names = []
    for layer in recipe.layers:
        kind = kinds[type(layer)].replace("max_", "").replace("global_average_pool", "average")
        seen[kind] = seen.get(kind, 0) + 1
        names.append(f"{kind}{seen[kind]}")
    return tuple(names)


def describe(recipe: Recipe) -> tuple[LayerRow, ...]:
    """Return a row for every layer, pixels first, with shapes and trainable parameters.

    Shapes are channels last: (height, width, channels). Of an ensemble these are the layers of
    one member; all are alike.

    Raises:
        UsageError: A layer does not fit on what comes before it.
    """
    shape: tuple[int, ...] = (SIDE, SIDE, 1)
    rows = [
        LayerRow("images", "input", (SIDE, SIDE), 0, "Pixels 0 to 255, white ink on black."),
        LayerRow("pixels", "rescaling", shape, 0, "Pixels divided by 255; one channel."),
    ]
    for number, (name, layer) in enumerate(zip(layer_names(recipe), recipe.layers, strict=True)):
        try:
            row = describe_layer(name, layer, shape)
        except UsageError as error:
            raise UsageError(f"layers.{number}: {error}") from None
        rows.append(row)
        shape = row.output_shape
    if len(shape) != 1:
        raise UsageError("the last layer must leave one row of values: end with flatten or dense")
    logits = (shape[0] + 1) * CLASSES
    rows.append(
        LayerRow(
            "logits", "dense", (CLASSES,), logits, "One sum per digit.", 2 * shape[0] * CLASSES
        )
    )
    rows.append(
        LayerRow(
            "probabilities", "softmax", (CLASSES,), 0, "The sums as probabilities that add to 1."
        )
    )
    return tuple(rows)


def count_parameters(recipe: Recipe) -> int:
    """Return the number of trainable parameters, all members together."""
    return recipe.members * sum(row.parameters for row in describe(recipe))


def count_operations(recipe: Recipe) -> int:
    """Return the additions and multiplications that reading one image takes."""
    readings = recipe.members * (2 * recipe.read_shifts + 1) ** 2
    return readings * sum(row.operations for row in describe(recipe))


def count_training_operations(recipe: Recipe) -> int:
    """Return the additions and multiplications that one image takes in training.

    Every layer is gone through three times: once forward, and backward once for its weights and
    once for what it was given. Nobody asks the first layer for the latter.
    """
    operations = [row.operations for row in describe(recipe) if row.operations]
    return recipe.members * (3 * sum(operations) - operations[0])
