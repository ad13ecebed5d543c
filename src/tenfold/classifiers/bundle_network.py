"""The Keras network of a bundle: built from its recipe, with the weights in model.keras."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.classifiers.base import ADVICE
from tenfold.classifiers.bundle import KERAS, META, Bundle, recipe_of
from tenfold.errors import BundleError
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.recipe import count_parameters


def bundle_network(bundle: Bundle) -> Any:
    """Return the network of a bundle, as `finish_network` made it; needs Keras.

    The network is built from the recipe, and only weights are taken from model.keras. So nothing
    that this file describes is run: it may come from anywhere, and can hold code.

    Raises:
        BundleError: A file is missing or altered, or does not hold the weights of the recipe.
    """
    recipe, data = recipe_of(bundle), bundle.read(KERAS)
    other = BundleError(
        f"{bundle.folder / KERAS} does not hold the weights of the recipe in {META}; {ADVICE}"
    )
    if count_parameters(recipe) * np.float32().nbytes > len(data):  # it is not compressed
        raise other
    network = finish_network(recipe, *(build_network(recipe) for _ in range(recipe.members)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KERAS
        path.write_bytes(data)
        try:
            network.load_weights(path)
        except Exception as error:  # of a damaged ZIP or HDF5 file, almost any
            raise other from error
    return network
