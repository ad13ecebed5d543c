"""Load a server for half an hour with valid and invalid requests; check answers and memory.

    python tests/soak.py --minutes 30

Prints a line per minute, with the memory of the server, and of its decoding processes besides.
Fails if an answer is wrong, if a status is 500 or above (except 503 and 504), or if memory keeps
growing.
"""

import argparse
import json
import sys
import threading
import time
from collections import Counter

import numpy as np
from mutations import send_all
from served import PNG, Served, images_request, maze, resident_bytes

import tenfold

INFER = "/v2/models/reader/infer"


class Soak:
    """Threads that send requests until they are stopped; the first failure stops all."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.images, self.labels = tenfold.load_mnist("test")
        self.stop = threading.Event()
        self.counts: Counter[str] = Counter()
        self.failure: BaseException | None = None

    def run(self, work, seed: int) -> None:
        try:
            while not self.stop.is_set():
                work(seed)
                seed += 100
        except BaseException as error:
            self.failure = error
            self.stop.set()

    def infer(self, seed: int) -> None:
        """Classify images over a persistent connection; at least 95% must be right."""
        chosen = np.random.default_rng(seed).integers(0, len(self.images), 200)
        connection = self.served.connect()
        right = 0
        for number in chosen:
            connection.request("POST", INFER, images_request(self.images[number][None]))
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            probabilities = json.loads(body)["outputs"][0]["data"]
            right += int(np.argmax(probabilities) == self.labels[number])
        connection.close()
        assert right > 0.95 * len(chosen)
        self.counts["infer"] += len(chosen)

    def mutate(self, seed: int) -> None:
        """Send mutated requests."""
        statuses = send_all(self.served, self.images, 100, seed)
        self.counts.update({f"mutated {status}": count for status, count in statuses.items()})

    def time_out(self, seed: int) -> None:
        """Send pictures that take too long; disconnect before half of the answers."""
        connection = self.served.connect()
        connection.request("POST", "/predict", maze(8 + seed % 30), PNG)
        if seed % 200 < 100:
            status = connection.getresponse().status
            assert status in (200, 429, 504), status
            self.counts[f"slow {status}"] += 1
        else:
            time.sleep(0.2)
            self.counts["left"] += 1
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=30)
    minutes = parser.parse_args().minutes
    served = Served("--quiet", "--timeout", "5", "--max-megapixels", "2")
    soak = Soak(served)
    work = [soak.infer, soak.infer, soak.mutate, soak.mutate, soak.time_out]
    threads = [
        threading.Thread(target=soak.run, args=(each, seed)) for seed, each in enumerate(work)
    ]
    for thread in threads:
        thread.start()
    megabytes: list[float] = []
    for minute in range(minutes + 1):
        if minute:
            soak.stop.wait(60)
        megabytes.append(served.metric("process_resident_memory_bytes") / 1e6)
        others = resident_bytes(served.process.pid) / 1e6 - megabytes[-1]
        counts = dict(sorted(soak.counts.items()))
        sys.stdout.write(f"{minute} min, {megabytes[-1]:.0f} + {others:.0f} MB, {counts}\n")
        sys.stdout.flush()
        if soak.stop.is_set():
            break
    soak.stop.set()
    for thread in threads:
        thread.join()
    served.end_well()
    if soak.failure:
        raise soak.failure
    # The first fifth fills caches and memory arenas.
    settled = megabytes[len(megabytes) // 5]
    assert megabytes[-1] < 1.2 * settled + 20, megabytes
    sys.stdout.write("passed\n")


if __name__ == "__main__":
    main()
