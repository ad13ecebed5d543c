"""Measure the article's network with Keras's own fit; only the data comes from tenfold.

    python benchmarks/plain_keras.py --seed 0

The learning rate is 1.0, the default of the Keras that the article was written for. Prints one
line of JSON: test accuracy after the last epoch, and the seconds of fit.
benchmarks/train_speed.py runs it.
"""

import argparse
import json
import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
from keras import layers

from tenfold.data.mnist import load_mnist


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the article with plain Keras.")
    parser.add_argument("--seed", type=int, default=0)
    keras.utils.set_random_seed(parser.parse_args().seed)
    (images, labels), (test_images, test_labels) = load_mnist("train"), load_mnist("test")
    network = article()
    network.compile(
        optimizer=keras.optimizers.Adadelta(learning_rate=1.0),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    targets = keras.utils.to_categorical(labels, 10)
    network.fit(images[..., None] / 255, targets, batch_size=500, epochs=12, verbose=0)
    seconds = time.perf_counter() - start
    targets = keras.utils.to_categorical(test_labels, 10)
    _, accuracy = network.evaluate(test_images[..., None] / 255, targets, verbose=0)
    print(json.dumps({"accuracy": accuracy, "train_seconds": round(seconds, 2)}))


def article() -> keras.Model:
    images = keras.Input((28, 28, 1))
    values = layers.Conv2D(32, 3, activation="relu")(images)
    values = layers.Conv2D(64, 3, activation="relu")(values)
    values = layers.MaxPooling2D(3)(values)
    values = layers.Dropout(0.5)(values)
    values = layers.Flatten()(values)
    values = layers.Dense(250, activation="sigmoid")(values)
    return keras.Model(images, layers.Dense(10, activation="softmax")(values))


if __name__ == "__main__":
    main()
