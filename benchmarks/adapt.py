"""Measure what `tenfold adapt` gains on hands that `reader` reads badly, and what it costs.

    python benchmarks/adapt.py hands                    hands made from MNIST (hands.py)
    python benchmarks/adapt.py crops --external DIR     halves of the historical crops
    python benchmarks/adapt.py command --external DIR   the same by the verb, with its five folds

From each hand, 20 digits a class are learned; the others are read before and after. The crops are
split at random, anew for each seed. Network figures are those of one network that learned all
digits given, with the original temperature; `read` is `tenfold read --single` with the original
threshold. Writes results/adapt.json after every split.
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hands import FAMILIES, Hand, as_images

from tenfold.adapting.adapt import adapt
from tenfold.adapting.fine_tuning import Arrays, fine_tune, weights_of
from tenfold.arrays import DIGITS, Images, Labels
from tenfold.augmentation.non_digits import make_non_digits
from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_bundle, load_classifier, recipe_of
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.evaluation.significance import summarize
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.files import write_json
from tenfold.machine import machine_facts
from tenfold.networks.backend import use_backend
from tenfold.networks.build import finish_network
from tenfold.reading.reader import Reader
from tenfold.scoring.outcomes import accepted, read_pictures
from tenfold.scoring.picture_sets import LabeledPicture, load_pictures

RESULTS = Path(__file__).parent.parent / "results" / "adapt.json"
PER_CLASS = 20
TESTED_PER_CLASS = 40
MODEL = "reader"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("hands", "crops", "command"))
    parser.add_argument("--external", type=Path, help="folder with historical/ and Persian digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    use_backend()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    if arguments.part == "hands":
        for seed in seeds:
            for family in FAMILIES:
                save("hands", {"family": family} | on_hand(family, seed))
        return
    crops = load_pictures(arguments.external / "historical")
    measure = on_crops if arguments.part == "crops" else by_command
    for seed in seeds:
        save(arguments.part, measure(crops, arguments.external, seed))


def on_hand(family: str, seed: int) -> dict[str, Any]:
    """Adapt to one made-up hand."""
    pictures, labels = Hand(family, seed).pictures(PER_CLASS + TESTED_PER_CLASS)
    images = as_images(pictures)
    learned, tested = split(labels, seed)
    adapted, seconds = adapted_network(images[learned], labels[learned], seed)
    models = {"before": original(), "after": adapted}
    return {"seed": seed, "seconds": seconds} | {
        when: {"network": accuracy(model, images[tested], labels[tested])} | on_mnist(model)
        for when, model in models.items()
    }


def on_crops(crops: list[LabeledPicture], external: Path, seed: int) -> dict[str, Any]:
    """Adapt to 20 crops a class, and read the others before and after."""
    images, labels = images_of(crops)
    learned, tested = split(labels, seed)
    adapted, seconds = adapted_network(images[learned], labels[learned], seed)
    adapted.reading_settings = {**original().reading_settings, "agreement_share": 0.0}
    models = {"before": original(), "after": adapted}
    return {"seed": seed, "seconds": seconds} | {
        when: {"network": accuracy(model, images[tested], labels[tested])}
        | read(model, [crops[place] for place in tested])
        | on_mnist(model)
        | on_non_digits(model, external)
        for when, model in models.items()
    }


def by_command(crops: list[LabeledPicture], external: Path, seed: int) -> dict[str, Any]:
    """Run the verb as a user would, with threshold and temperature fitted."""
    images, labels = images_of(crops)
    learned, tested = split(labels, seed)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        result = adapt(MODEL, (images[learned], labels[learned]), out=Path(folder) / "a", seed=seed)
        seconds = round(time.perf_counter() - start, 1)
        model = load_classifier(result.bundle)
        gain = asdict(result.gain)
    chosen = [crops[place] for place in tested]
    return {
        "seed": seed,
        "seconds": seconds,
        "temperature": result.meta["recipe"]["temperature"],
        "threshold": result.meta["reading"]["threshold"],
        "gain": gain,
        "before": read(original(), chosen) | on_non_digits(original(), external),
        "after": {"network": accuracy(model, images[tested], labels[tested])}
        | read(model, chosen)
        | on_mnist(model)
        | on_non_digits(model, external),
    }


def images_of(crops: list[LabeledPicture]) -> tuple[Images, Labels]:
    """Return the crops as the reader's network sees them, and their labels."""
    from tenfold.imaging.decoding import load_picture

    images = as_images([load_picture(crop.picture).gray for crop in crops])
    return images, np.array([int((crop.lines or ["0"])[0]) for crop in crops], np.uint8)


def split(labels: Labels, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the places of 20 digits a class, and of all others."""
    rng = np.random.default_rng(seed)
    learned = np.sort(
        np.concatenate(
            [
                rng.permutation(np.flatnonzero(labels == label))[:PER_CLASS]
                for label in range(len(DIGITS))
            ]
        )
    )
    return learned, np.setdiff1d(np.arange(len(labels)), learned)


def adapted_network(images: Images, labels: Labels, seed: int) -> tuple[Classifier, float]:
    """Return the network that learned the digits, with the original temperature, and seconds."""
    bundle = load_bundle(MODEL)
    recipe, weights = recipe_of(bundle), weights_of(bundle)
    start = time.perf_counter()
    networks, _ = tuned(recipe, weights, images, labels, seed)
    seconds = round(time.perf_counter() - start, 1)
    return OnnxClassifier(onnx_model(recipe, network_weights(finish_network(recipe, *networks)))), (
        seconds
    )


def tuned(recipe: Any, weights: list[Arrays], images: Images, labels: Labels, seed: int) -> Any:
    return fine_tune(recipe, weights, (images, labels), load_mnist("train"), seed=seed, log=False)


def accuracy(model: Classifier, images: Images, labels: Labels) -> float:
    return float((model.predict_proba(images).argmax(axis=1) == labels).mean())


@cache
def original() -> Classifier:
    """Return the shipped model."""
    return load_classifier(MODEL)


@cache
def on_mnist(model: Classifier) -> dict[str, float]:
    return {"mnist": accuracy(model, *load_mnist("test"))}


def read(model: Classifier, crops: list[LabeledPicture]) -> dict[str, Any]:
    """Return the accuracy of reading pictures, and coverage and error among accepted."""
    outcomes = read_pictures(Reader(model), crops)
    own = accepted(outcomes)
    right = sum(one.correct for one in outcomes) / len(outcomes)
    return {"read": right, "accepted": own.coverage, "accepted_error": own.error_rate}


@cache
def on_non_digits(model: Classifier, external: Path) -> dict[str, float]:
    """Return the shares of made-up marks and of Persian digits that are accepted."""
    images, labels = load_mnist("train")
    marks = make_non_digits(2000, images, labels, np.random.default_rng(1))
    threshold = float(model.reading_settings["threshold"])
    persian = load_pictures(external / "not_digits_persian.npz")
    share = accepted(read_pictures(Reader(model), persian)).coverage
    made_up = float((model.digit_score(marks) >= threshold).mean())
    return {"marks_accepted": made_up, "persian_accepted": share}


def save(part: str, row: dict[str, Any]) -> None:
    """Add a row to the results, in place of the one of the same split, and summarize all."""
    print(row, flush=True)
    document: dict[str, Any] = (
        json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    )
    rows = document.get(part, {}).get("rows", [])
    same = {"seed": row["seed"], "family": row.get("family")}
    rows = [one for one in rows if {name: one.get(name) for name in same} != same]
    rows.append(row)
    found = {
        f"{when}_{name}": asdict(summarize([one[when][name] for one in rows]))
        for when in ("before", "after")
        for name, value in row[when].items()
        if value is not None
    }
    document[part] = {"n": len(rows), "figures": found, "rows": rows}
    document |= {"model": MODEL, "per_class": PER_CLASS, "machine": machine_facts()}
    write_json(RESULTS, document)


if __name__ == "__main__":
    main()
