"""One finished training: its figures, its history, its network."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import (
    HISTORY_LINES,
    KERAS,
    Bundle,
    load_classifier,
    summary_of,
)
from tenfold.evaluation.metrics import Evaluation
from tenfold.formatting import duration
from tenfold.networks.backend import in_float32, use_backend


@dataclass(frozen=True, repr=False)
class TrainResult:
    """One finished training: the bundle's folder and the figures in its meta.json."""

    bundle: Path
    meta: dict[str, Any]

    @property
    def accuracy(self) -> float:
        """Accuracy on the test images, a fraction; on the validation images if there are any."""
        return self.evaluation.accuracy

    @property
    def evaluation(self) -> Evaluation:
        """The figures on the test images, or on the validation images if there are any."""
        return Evaluation.from_dict(self.meta[self._part])

    @property
    def history(self) -> dict[str, list[float]]:
        """A value for each epoch, by name, as Keras's `History.history` has them.

        Names are epoch, loss, accuracy, learning_rate and seconds; with validation images also
        val_loss and val_accuracy. The members of an ensemble follow one another.
        """
        text = Bundle(self.bundle, self.meta).read(HISTORY_LINES).decode()
        rows = [json.loads(line) for line in text.splitlines()]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def classifier(self) -> Classifier:
        """Return the trained network as a classifier, on ONNX Runtime."""
        return load_classifier(self.bundle)

    def model(self) -> Any:
        """Return the trained network as a compiled keras.Model.

        It takes images uint8 (n, 28, 28) and integer labels: `model.evaluate(images, labels)`.
        """
        use_backend()
        import keras

        Bundle(self.bundle, self.meta).read(KERAS)  # checks its hash
        with in_float32():
            return keras.models.load_model(self.bundle / KERAS)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as `tenfold train --json` prints them."""
        return summary_of(self.meta) | {"bundle": str(self.bundle)}

    def __repr__(self) -> str:
        recipe, seed, n = self.meta["recipe"]["name"], self.meta["seed"], self.evaluation.n
        return (
            f"<{type(self).__name__} {recipe}, seed {seed}: {self.accuracy:.2%} of {n:,} "
            f"{self._part} images, {self.bundle}>"
        )

    def _repr_html_(self) -> str:
        """Let notebooks show the figures, the curve of losses and the confusion matrix."""
        from tenfold.evaluation.notebook import confusion_html, figures_html
        from tenfold.reporting.figures import inline_svg, plot_loss

        meta, found = self.meta, self.evaluation
        low, high = found.accuracy_interval
        figures = [
            (f"accuracy on {found.n:,} {self._part} images", f"{found.accuracy:.2%}"),
            ("95% interval", f"{low:.2%} to {high:.2%}"),
            ("parameters", f"{meta['parameters']:,}"),
            ("epochs", f"{meta['epochs']}"),
            ("training time", duration(meta["train_seconds"])),
            ("folder", str(self.bundle)),
        ]
        title = f"{meta['recipe']['name']}, seed {meta['seed']}"
        html = figures_html(title, figures)
        history = self.history
        if len(history["epoch"]) > 1:
            rows = [
                dict(zip(history, values, strict=True))
                for values in zip(*history.values(), strict=True)
            ]
            # Notebooks may be dark; charts are made for white.
            chart = inline_svg(plot_loss(rows), "loss")
            html += f'<div style="width:420px;background:white;color-scheme:light">{chart}</div>'
        return html + confusion_html(found.confusion, meta.get("classes", ()))

    @property
    def _part(self) -> str:
        return "validation" if self.meta["test"] is None else "test"
