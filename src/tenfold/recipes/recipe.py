"""A recipe: everything that decides a training, as one frozen value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from tenfold.arrays import DIGITS, MAX_CLASSES, SIDE, TRAIN_IMAGES
from tenfold.errors import UsageError
from tenfold.recipes.layers import KINDS, Layer, LayerRow, describe_layer

DRAWS_DIGITS = ("forms", "hands")
"""Settings of an augmentation that take the classes for the ten digits."""

MOST_PARAMETERS = 1_000_000_000
"""Most trainable parameters of all members: 4 GB of weights, and several times that to train."""

MOST_EPOCHS = 100_000

HIGHEST_SEED = 2**32 - 1
"""The highest seed that Keras takes."""

Loss = Literal["categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"]
"""What a training lowers, by the names and with the defaults of Keras's losses."""


@dataclass(frozen=True)
class Optimizer:
    """The rule that changes the weights.

    Attributes:
        name: SOAP is for networks of up to 2,000 weights.
        learning_rate: The highest rate of the schedule.
        weight_decay: Not for SOAP.
        beta_2: Second decay rate of Adam, AdamW, Muon and SOAP; the others ignore it.
        momentum: Momentum of SGD and Muon, first decay rate of Adam and AdamW; the others ignore
            it.
    """

    name: Literal["adam", "adamw", "sgd", "adadelta", "rmsprop", "muon", "soap"] = "adam"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    beta_2: float = 0.999
    momentum: float = 0.9


@dataclass(frozen=True)
class Schedule:
    """The learning rate over the whole training.

    Attributes:
        shape: "one-cycle" (Smith and Topin, arXiv 1708.07120) rises linearly from a tenth of the
            highest rate, then falls linearly to 0.
        warmup: Share of all steps in which the rate rises.
    """

    shape: Literal["constant", "one-cycle"] = "constant"
    warmup: float = 0.25


@dataclass(frozen=True)
class Augmentation:
    """How training images are changed, anew in every epoch; each amount is a uniform draw.

    `tenfold.augmentation.pipeline` shows the order.

    Attributes:
        shift_pixels: -n..n in both directions; whole pixels if nothing else moves.
        rotation_degrees: -n..n.
        scale: Factors 1 / (1 + n)..1 + n, height and width apart.
        shear: Tangent of the slant, -n..n.
        thickness: Strokes up to a pixel thicker or thinner: the weight, -n..n, of each pixel's
            brightest (above 0) or darkest (below 0) neighbor, itself included.
        non_digits: Share of each batch, 0..0.9, that is made-up marks (`augmentation.non_digits`),
            with all classes equally likely as target.
        neighbors: Share of the digits, 0..1, that have bits of neighboring digits, as a cut out of
            a line leaves them (`augmentation.neighbors`).
        forms: Share, 0..1, of the writers behind the images who use the forms that MNIST lacks:
            ones with an upstroke, barred sevens and others, each as often as
            `augmentation.digit_forms.CLEAR_FORMS` says.
        hands: Share of the digits, 0..1, that are drawn from handwriting fonts instead
            (`augmentation.hands`); with any, three in ten of the made-up marks are letters of these
            and digits and letters of other scripts.
        degraded: Share of all images, 0..1, that get inverted patches, noise, strokes and the like
            (`augmentation.degradation`).
    """

    shift_pixels: float = 0.0
    rotation_degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    thickness: float = 0.0
    non_digits: float = 0.0
    neighbors: float = 0.0
    forms: float = 0.0
    hands: float = 0.0
    degraded: float = 0.0

    def for_cooldown(self) -> "Augmentation":
        """Return an augmentation that changes images half as far and half as often.

        Shifts and the share of made-up marks stay: networks soon forget that digits may stand
        anywhere.
        """
        halves = {field.name: getattr(self, field.name) / 2 for field in fields(self)}
        kept = {"shift_pixels": self.shift_pixels, "non_digits": self.non_digits}
        return replace(self, **halves | kept)


@dataclass(frozen=True)
class Recipe:
    """One way to train one network.

    Attributes:
        name: Lower case, as the command line takes it. Letters, digits, `_`, `.`, `+` and `-`, at
            most 60, because folders and layers are named after it.
        summary: One sentence on what the recipe is for.
        layers: What stands between the pixels in [0, 1] and the outputs. A dense layer with a logit
            for each class and softmax are always added.
        optimizer: The rule that moves the weights.
        batch_size: Images in a batch.
        epochs: Passes over the training images.
        schedule: The learning rate over time.
        augmentation: How training images are changed.
        label_smoothing: 0..0.9; this share of each target is spread evenly over all classes.
        precision: "bfloat16" means mixed precision where bfloat16 is faster, and float32
            elsewhere.
        temperature: Divides the logits of the finished network; fitted on validation images of
            a run on the other 55,000 (`tools/temperature.py`), then frozen.
        epoch_images: Images in an epoch, drawn anew each time; all if there are fewer.
        hard_examples: An epoch of fewer images than there are draws an image with more chance if
            its label got too low a probability when it was last trained on, or if it was not seen
            yet (online batch selection: Loshchilov and Hutter, arXiv 1511.06343).
        cooldown_epochs: Number of last epochs that take `augmentation.for_cooldown()`, so that
            the network ends nearer to unchanged images.
        members: Number of networks, each trained by itself; the answer is the mean of theirs.
        tta_shifts: Test-time augmentation: the finished network reads an image shifted by -n..n
            pixels in both directions, and the answer is the mean over all (2n + 1)^2. More
            accurate, and that many times slower.
        loss: What the training lowers; of the probabilities and the smoothed labels.
        classes: Number of outputs; a training takes it from its data set.
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
    hard_examples: bool = False
    cooldown_epochs: int = 0
    members: int = 1
    tta_shifts: int = 0
    classes: int = len(DIGITS)

    @property
    def parameters(self) -> int:
        """Number of trainable parameters of all members together."""
        return count_parameters(self)

    def describe(self) -> tuple[LayerRow, ...]:
        """Return a row for every layer, from the images to the probabilities: name, shape, size."""
        return describe(self)

    loss: Loss = "categorical_crossentropy"


def check_recipe(recipe: Recipe) -> None:
    """Check that a training can use the settings of a recipe.

    Raises:
        UsageError: Names the first setting that is out of range, or the layer that does not fit.
    """
    if not re.fullmatch(r"\w[\w.+-]{0,59}", recipe.name):
        raise UsageError(
            f"name is {recipe.name!r}; it must be up to 60 letters, digits, _, ., + or -, and begin"
            " with a letter or digit"
        )
    augmentation = recipe.augmentation
    ranges: Sequence[tuple[str, float, float, float]] = (
        ("batch_size", recipe.batch_size, 1, TRAIN_IMAGES),
        ("epochs", recipe.epochs, 1, MOST_EPOCHS),
        ("epoch_images", recipe.epoch_images, recipe.batch_size, TRAIN_IMAGES),
        ("optimizer.learning_rate", recipe.optimizer.learning_rate, 1e-12, 1e6),
        ("optimizer.weight_decay", recipe.optimizer.weight_decay, 0, 1e6),
        ("optimizer.beta_2", recipe.optimizer.beta_2, 0, 0.9999999),
        ("optimizer.momentum", recipe.optimizer.momentum, 0, 0.9999999),
        ("schedule.warmup", recipe.schedule.warmup, 0.001, 0.999),
        ("label_smoothing", recipe.label_smoothing, 0, 0.9),
        ("temperature", recipe.temperature, 1e-3, 1e3),
        ("cooldown_epochs", recipe.cooldown_epochs, 0, recipe.epochs),
        ("members", recipe.members, 1, 100),
        ("tta_shifts", recipe.tta_shifts, 0, 3),
        ("classes", recipe.classes, 2, MAX_CLASSES),
        ("augmentation.shift_pixels", augmentation.shift_pixels, 0, SIDE - 1),
        ("augmentation.rotation_degrees", augmentation.rotation_degrees, 0, 180),
        ("augmentation.scale", augmentation.scale, 0, 1),
        ("augmentation.shear", augmentation.shear, 0, 1),
        ("augmentation.thickness", augmentation.thickness, 0, 1),
        ("augmentation.non_digits", augmentation.non_digits, 0, 0.9),
        ("augmentation.neighbors", augmentation.neighbors, 0, 1),
        ("augmentation.forms", augmentation.forms, 0, 1),
        ("augmentation.hands", augmentation.hands, 0, 1),
        ("augmentation.degraded", augmentation.degraded, 0, 1),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:  # also catches NaN
            raise UsageError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}")
    if count_parameters(recipe) > MOST_PARAMETERS:
        raise UsageError(
            f"the layers have more than {MOST_PARAMETERS:,} parameters: give fewer filters or units"
        )


def for_classes(recipe: Recipe, classes: Sequence[str], data: str) -> Recipe:
    """Return a recipe with the number of classes of a data set.

    Args:
        recipe: The recipe.
        classes: Names of the classes.
        data: Name of the data set, in messages.

    Raises:
        UsageError: The recipe changes the form of digits, and the classes are not the digits.
    """
    drawn = [name for name in DRAWS_DIGITS if getattr(recipe.augmentation, name)]
    if drawn and tuple(classes) != DIGITS:
        raise UsageError(
            f"the recipe {recipe.name} draws digits, and {data} has other classes: "
            f"add {' '.join(f'--set augmentation.{name}=0' for name in drawn)}"
        )
    return replace(recipe, classes=len(classes))


def member_seeds(recipe: Recipe, seed: int) -> range:
    """Return the seed of each member; two seeds of a recipe never share a member.

    Each member equals the network that the recipe with one member gives for the member's seed.
    """
    return range(seed * recipe.members, (seed + 1) * recipe.members)


def check_seeds(recipe: Recipe, seed: int, seeds: int = 1) -> None:
    """Check that Keras takes the seeds of all members, for some seeds of a recipe in a row.

    Raises:
        UsageError: A seed is negative, or too high.
    """
    most = (HIGHEST_SEED + 1) // recipe.members - seeds
    if not 0 <= seed <= most:
        raise UsageError(
            f"seed is {seed}; it must lie between 0 and {most:,} for {seeds * recipe.members} "
            f"networks of {recipe.name}"
        )


def layer_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the name of each layer: its kind and its number among its kind, such as conv2."""
    seen: dict[str, int] = {}
    kinds = {cls: kind for kind, cls in KINDS.items()}
    names = []
    for layer in recipe.layers:
        kind = kinds[type(layer)].replace("max_", "").replace("global_average_pool", "average")
        seen[kind] = seen.get(kind, 0) + 1
        names.append(f"{kind}{seen[kind]}")
    return tuple(names)


def describe(recipe: Recipe) -> tuple[LayerRow, ...]:
    """Return a row for every layer, from the images to the probabilities.

    Shapes are channels last: (height, width, channels). For an ensemble, the rows are those of one
    member; all members have the same layers.

    Raises:
        UsageError: A layer does not fit the output of its predecessor.
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
        raise UsageError("the last layer must give one row of values: end with flatten or dense")
    classes = recipe.classes
    purpose = f"One sum per {'digit' if classes == len(DIGITS) else 'class'}."
    logits, operations = (shape[0] + 1) * classes, 2 * shape[0] * classes
    rows += [
        LayerRow("logits", "dense", (classes,), logits, purpose, operations),
        LayerRow(
            "probabilities", "softmax", (classes,), 0, "The sums as probabilities that add to 1."
        ),
    ]
    return tuple(rows)


def count_parameters(recipe: Recipe) -> int:
    """Return the number of trainable parameters of all members together."""
    return recipe.members * sum(row.parameters for row in describe(recipe))


def count_operations(recipe: Recipe) -> int:
    """Return the number of additions and multiplications that reading one image takes."""
    readings = recipe.members * (2 * recipe.tta_shifts + 1) ** 2
    return readings * sum(row.operations for row in describe(recipe))


def count_training_operations(recipe: Recipe) -> int:
    """Return the number of additions and multiplications for one image in training.

    Every layer is computed three times: forward, backward for its weights, and backward for its
    input. The first layer is not computed backward for its input.
    """
    operations = [row.operations for row in describe(recipe) if row.operations]
    return recipe.members * (3 * sum(operations) - operations[0])
