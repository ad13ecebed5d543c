"""Keras's backend, chosen once, before Keras is imported."""

import gc
import logging
import os
import random
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tenfold.errors import MissingExtraError, TrainingError, UsageError
from tenfold.execution.quiet import filtered_stderr
from tenfold.formatting import no_such
from tenfold.machine import has_gpu

BACKENDS = ("tensorflow", "jax", "torch")

OPTIONAL = ("IPython", "jax", "matplotlib", "pandas", "sklearn")
"""What Keras and TensorFlow import, where it is installed, for features that tenfold never uses."""

_log = logging.getLogger(__name__)

_SEEDING = threading.Lock()

_BUILD_NOTES = (b"before absl::InitializeLog", b"oneDNN custom operations are on")


def use_backend(name: str | None = None, *, lean: bool = False) -> str:
    """Choose Keras's backend, import Keras, and return the backend's name.

    Args:
        name: "tensorflow", "jax" or "torch". None takes the backend that Keras already runs on,
            else $KERAS_BACKEND, else JAX if it is installed and there is an NVIDIA GPU, else
            TensorFlow, else an installed one.
        lean: Import Keras without the packages in `OPTIONAL`, in about half of the time. In this
            process, Keras then has no wrappers for scikit-learn and takes no pandas tables; so this
            is for processes of tenfold's own.

    Raises:
        UsageError: No such backend.
        MissingExtraError: Keras or every backend is missing.
        TrainingError: The backend is not installed, or Keras already runs on another one.
    """
    check_backend(name)
    if "keras" in sys.modules:
        import keras

        running: str = keras.backend.backend()
        if name not in (None, running):
            raise TrainingError(
                f"Keras already runs on {running} in this process; use {name} in a new process"
            )
        return running
    chosen = name or os.environ.get("KERAS_BACKEND") or _preferred()
    if chosen not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND: {no_such('backend', chosen, BACKENDS)}")
    if find_spec(chosen) is None:
        raise TrainingError(f"the backend {chosen} is not installed: pip install {chosen}")
    os.environ["KERAS_BACKEND"] = chosen
    try:
        Path.home()
    except RuntimeError:  # Keras would make a folder ~ in the current one
        os.environ.setdefault("KERAS_HOME", tempfile.gettempdir())
    _log.debug("starting Keras on %s", chosen)
    hidden = [one for one in OPTIONAL if one != chosen] if lean else []
    with _without_garbage_collection(), _hidden(hidden):
        if find_spec("tensorflow") is not None:  # Keras imports it beside any backend
            _import_tensorflow()
        import keras
    return chosen


def check_backend(name: str | None = None, extra: str = "train") -> None:
    """Check the name of a backend, and that Keras is installed, without importing anything.

    Args:
        name: The backend; None for any.
        extra: The extras that the caller needs, separated by commas.

    Raises:
        UsageError: No such backend.
        MissingExtraError: Keras is missing.
    """
    if name is not None and name not in BACKENDS:
        raise UsageError(no_such("backend", name, BACKENDS))
    if find_spec("keras") is None:
        raise MissingExtraError("training", extra)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed what Keras draws first weights and dropout from, one thread at a time.

    Whatever the backend, Keras draws the seed of each layer from Python's generator, which the
    whole program shares: afterward it goes on as if nothing had been drawn. Keras's own
    `set_random_seed` also sets TensorFlow's seed, which nothing can set back.
    """
    with _SEEDING:
        before = random.getstate()
        try:
            random.seed(seed)
            yield
        finally:
            random.setstate(before)


@contextmanager
def in_float32() -> Iterator[None]:
    """Let Keras make what has no type of its own in float32, whatever the program's settings."""
    from keras import config

    floats, policy = config.floatx(), config.dtype_policy()
    try:
        config.set_floatx("float32")
        config.set_dtype_policy("float32")
        yield
    finally:
        config.set_floatx(floats)
        config.set_dtype_policy(policy)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Import without Python's garbage collector, and exempt what is imported from it.

    The imports make so many objects that the collector's repeated searches, which find nothing,
    take 1 s of 4.3 s while importing, and 0.4 s more when a network is traced.
    """
    enabled = gc.isenabled()
    gc.collect()  # cheap before the imports; what is left is kept
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _hidden(packages: Sequence[str]) -> Iterator[None]:
    """Let imports of packages fail, as if they were not installed; those already made stay."""
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the import system's own convention
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _import_tensorflow() -> None:
    """Import TensorFlow without the notes on its build, which no setting silences."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with filtered_stderr(*_BUILD_NOTES):
        import tensorflow  # noqa: F401


def _preferred() -> str:
    installed = [name for name in BACKENDS if find_spec(name) is not None]
    if not installed:
        raise MissingExtraError("training", "train")
    return "jax" if "jax" in installed and has_gpu() else installed[0]
