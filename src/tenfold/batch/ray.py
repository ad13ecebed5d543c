"""A batch on Ray Data: an actor for each worker, which loads the network once."""

import logging
import pickle
from collections.abc import Generator, Iterator
from typing import Any

from tenfold.batch.chunks import Chunk
from tenfold.batch.local import Numbered
from tenfold.batch.working import Done, Job, Worker
from tenfold.errors import TenfoldError

MOST_BLOCKS = 10_000
"""Ray Data keeps a record of every block; above so many chunks a block holds several."""


def run_on_ray(job: Job, chunks: Iterator[Numbered], workers: int | None) -> Generator[Done]:
    """Read chunks on the Ray that this process has joined; see `tenfold.execution.ray.connect`.

    Only where chunks lie goes through Ray; each actor reads its pictures from storage and writes
    its part there, so every machine must see input and output under the same paths. A chunk whose
    actor or machine dies is given to another one. All chunks that are to be read are listed before
    the first is.

    Args:
        job: What to do with each.
        chunks: With their numbers.
        workers: How many actors, of one core each; None takes all cores there are.

    Raises:
        TenfoldError: What a worker raised.
    """
    import ray.data
    from ray.data import ActorPoolStrategy, DataContext

    items = [{"chunk": pickle.dumps(chunk)} for chunk in chunks]
    if not items:
        return
    cores = int(ray.cluster_resources().get("CPU", 1))
    workers = min(workers or cores, cores, len(items))
    DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    dataset = ray.data.from_items(items, override_num_blocks=min(len(items), MOST_BLOCKS))
    done = dataset.map_batches(
        _Actor,
        fn_constructor_kwargs={"job": job},
        batch_size=1,
        compute=ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    try:
        for row in done.iter_rows():
            told: Done | TenfoldError = pickle.loads(row["done"])  # from our own actors
            if isinstance(told, TenfoldError):
                raise told
            yield told
    except ray.exceptions.RayError as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise TenfoldError(f"a worker on Ray failed: {why}") from error


class _Actor:
    """A worker on Ray. What it raises on purpose is an answer: of errors Ray makes pages."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._worker: Worker | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"done": [pickle.dumps(self._answer(*pickle.loads(c))) for c in batch["chunk"]]}

    def _answer(self, number: int, chunk: Chunk) -> Done | TenfoldError:
        try:
            if self._worker is None:
                self._worker = Worker(self._job)
            return self._worker.work(number, chunk)
        except (TenfoldError, OSError) as error:
            return TenfoldError(str(error))
