"""Measure where the time of a training step goes.

    python benchmarks/step_profile.py

Runs some steps of a recipe under TensorFlow's profiler and groups its operations. Also measures the
time of tracing before the first step. Writes results/step_profile.json. Nothing else should run on
the machine.
"""

import json
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path
from typing import Any

from tenfold.files import write_json

RESULTS = Path(__file__).parent.parent / "results" / "step_profile.json"
RECIPES = ("article", "standard", "fast")
STEPS = 48

# An operation belongs to the first group whose text its name contains. Names are paths, with the
# kind of operation after a colon.
GROUPS = (
    ("/muon/", "optimizer"),
    ("/adadelta/", "optimizer"),
    ("Conv2DBackpropFilter", "convolutions, backward to the weights"),
    ("Conv2DBackpropInput", "convolutions, backward to the input"),
    ("MaxPool", "pooling"),
    ("dropout", "dropout"),
    ("_norm_", "batch normalization"),
    ("Conv2D", "convolutions, forward"),
    ("MatMul", "dense layers"),
    ("Relu", "activations"),
    ("Sigmoid", "activations"),
    ("while/body", "rest"),
)


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", help="print the figures of this recipe alone")
    if recipe := parser.parse_args().recipe:
        print(json.dumps(profiled(recipe)))
        return
    document = {}
    for name in RECIPES:
        words = [sys.executable, __file__, name]
        finished = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        document[name] = json.loads(finished.stdout.splitlines()[-1])
        print(name, document[name], flush=True)
    write_json(RESULTS, document)


def profiled(name: str) -> dict[str, Any]:
    from tenfold.networks.backend import use_backend

    use_backend("tensorflow")
    import tensorflow as tf

    from tenfold.data.mnist import load_mnist
    from tenfold.networks.build import build_network, effective_precision
    from tenfold.recipes.recipe_file import load_recipe
    from tenfold.training.batches import Batches
    from tenfold.training.optimizers import build_optimizer
    from tenfold.training.program import compile_steps

    recipe = load_recipe(name)
    batches = Batches(*load_mnist("train"), recipe.batch_size, recipe.augmentation, seed=0)
    network = build_network(recipe, precision=effective_precision(recipe), fused=True)
    optimizer = build_optimizer(recipe.optimizer, recipe.schedule, batches.steps)
    optimizer.build(network.trainable_variables)
    program = compile_steps(network, optimizer, recipe.label_smoothing, recipe.loss)
    epochs = batches.epochs(range(1), STEPS)
    chunk = next(next(epochs))
    seconds = []
    for images, targets in [(chunk[0][:1], chunk[1][:1]), chunk, chunk]:
        began = time.perf_counter()
        program(images, targets)
        seconds.append(time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        program(*chunk)
        tf.profiler.experimental.stop()
        totals = grouped(Path(folder))
    whole = sum(totals.values())
    return {
        "tracing_seconds": round(seconds[0] - seconds[2] / STEPS, 2),
        "step_ms": round(1000 * seconds[2] / STEPS, 2),
        "share": {group: round(total / whole, 3) for group, total in totals.most_common()},
    }


def grouped(folder: Path) -> Counter[str]:
    """Return the time of a profile's operations by group; operations in parallel all count."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(next(folder.rglob("*.xplane.pb")).read_bytes())
    totals: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                for part, group in GROUPS:
                    if part in name and "while/body" in name:
                        totals[group] += event.duration_ps
                        break
    return totals


if __name__ == "__main__":
    main()
