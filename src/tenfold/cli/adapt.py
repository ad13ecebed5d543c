"""tenfold adapt: a model fine-tuned on digits of your own."""

import argparse
from typing import Any

from tenfold.cli.options import (
    add_backend,
    add_data_dir,
    add_out,
    add_seed,
    show_progress,
)
from tenfold.formatting import count, duration

HELP = "fine-tune a model on a few hundred digits of your own"
DESCRIPTION = (
    "Fine-tune a model on labeled digits of your own, with its training images replayed beside "
    "them. Says what was gained on digits that were held out, and leaves a bundle."
)
EPILOG = """\
examples:
  tenfold adapt reader --data my_digits/ --out mine   folders 0 to 9 of pictures
  tenfold read photo.jpg --model mine
  tenfold score other_digits/ --model mine
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", metavar="MODEL", help="a shipped model or a bundle folder")
    help = "labeled digits: a folder for each class, labels.csv, .npz, .csv, Parquet or IDX"
    parser.add_argument("--data", required=True, metavar="SOURCE", help=help)
    add_out(parser, "the bundle", shown="runs/<model>-adapted-<time>")
    help = "epochs of 6,400 images (default: 4)"
    parser.add_argument("--epochs", type=int, metavar="N", help=help)
    help = "the data set that the model was trained on (default: as the bundle says)"
    parser.add_argument("--replay", metavar="SOURCE", help=help)
    add_seed(parser, "decides everything random")
    add_data_dir(parser)
    add_backend(parser)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Adapt, and return the figures as JSON-ready values and as text."""
    from tenfold.networks.backend import check_backend

    check_backend(options.backend)
    from tenfold.adapting.adapt import adapt
    from tenfold.adapting.fine_tuning import EPOCHS

    options.interrupted_hint = "; nothing was written"
    result = adapt(
        options.model,
        options.data,
        out=options.out,
        seed=options.seed or 0,
        epochs=EPOCHS if options.epochs is None else options.epochs,
        replay=options.replay,
        data_dir=options.data_dir,
        backend=options.backend,
        progress=show_progress(options),
    )
    return result.to_dict(), _text(result)


def _text(result: Any) -> str:
    meta, gain = result.meta, result.gain
    low, high = gain.gain_interval
    test, before = meta["test"], meta["adapted"]["test_accuracy_before"]
    error = "" if gain.accepted_error is None else f"; {gain.accepted_error:.1%} of these are wrong"
    images = count(meta["adapted"]["digits"], "image")
    was = "" if before is None else f"{before:.2%} before, "
    return (
        f"your images, held out, by the network alone: {gain.accuracy_before:.1%} before, "
        f"{gain.accuracy_after:.1%} after, of {count(gain.n, 'image')}\n"
        f"gain {100 * gain.gain:+.1f} points (95% interval {100 * low:+.1f} to {100 * high:+.1f}): "
        f"{gain.corrected} corrected, {gain.broken} broken\n"
        f"accepted at the new threshold of {meta['reading']['threshold']:.2f}: "
        f"{gain.accepted:.1%}{error}\n"
        f"the model's own test images: {was}{test['accuracy']:.2%} after\n"
        f"fine-tuned in {duration(meta['train_seconds'])} on {images}\n"
        f"report: {result.bundle / 'report.html'}"
    )
