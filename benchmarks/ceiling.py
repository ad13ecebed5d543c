"""Measure the speed of a large matrix product: the upper limit of training speed.

    python benchmarks/ceiling.py

Prints one line of JSON: billions of additions and multiplications a second, in float32 and in
bfloat16, the best of several runs. benchmarks/train_speed.py runs it.
"""

import json
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

SIDE = 4096
RUNS = 7


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    from tenfold.networks.backend import use_backend

    use_backend("tensorflow")
    import tensorflow as tf

    def billions_a_second(dtype: Any) -> float:
        matrix = tf.cast(tf.random.normal((SIDE, SIDE)), dtype)
        product = tf.function(lambda: tf.reduce_sum(tf.matmul(matrix, matrix)))
        best = min(timed(product) for _ in range(RUNS))
        return round(2 * SIDE**3 / best / 1e9, 1)

    def timed(product: Any) -> float:
        start = time.perf_counter()
        product().numpy()
        return time.perf_counter() - start

    print(json.dumps({name: billions_a_second(name) for name in ("float32", "bfloat16")}))


if __name__ == "__main__":
    main()
