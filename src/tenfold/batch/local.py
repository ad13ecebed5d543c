"""Workers as processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeAlias

from tenfold.batch.chunks import Chunk
from tenfold.batch.working import Done, Job, Worker
from tenfold.errors import TenfoldError
from tenfold.machine import usable_cores

Numbered: TypeAlias = tuple[int, Chunk]

TRIES = 2
"""A chunk whose worker was killed is given to another one; no more than so often."""


def run_here(job: Job, chunks: Iterator[Numbered], workers: int | None) -> Generator[Done]:
    """Read chunks in processes of their own, one thread each, and tell of each that is done.

    A worker whose parent dies ends too. A chunk is handed out when a worker is free for it, so that
    no more of them exist than there are workers.

    Args:
        job: What to do with each.
        chunks: With their numbers.
        workers: How many processes; None takes one for each core this process may use.

    Raises:
        TenfoldError: What a worker raised; or workers died over a chunk, twice.
    """
    pool: dict[Connection, tuple[BaseProcess, Numbered]] = {}
    deaths: dict[int, int] = {}
    again: list[Numbered] = []

    def give(worker: tuple[Connection, BaseProcess] | None) -> None:
        """Give a worker its next chunk, or send it home; None makes one if there is work."""
        chunk = again.pop() if again else next(chunks, None)
        if chunk is not None:
            connection, process = worker or _start(job)
            pool[connection] = process, chunk
            with suppress(OSError):  # it died just now, which shows as its end
                connection.send(chunk)
        elif worker is not None:
            worker[0].close()  # which ends it
            worker[1].join()

    try:
        for _ in range(workers or usable_cores()):
            give(None)
        while pool:
            for ready in wait(list(pool)):
                assert isinstance(ready, Connection)
                process, chunk = pool.pop(ready)
                try:
                    told: Done | TenfoldError = ready.recv()
                except (EOFError, OSError):
                    ready.close()
                    process.join()
                    _count_death(process, chunk, deaths)
                    again.append(chunk)
                    give(None)
                    continue
                if isinstance(told, TenfoldError):
                    raise told
                give((ready, process))
                yield told
    finally:
        for process, _ in pool.values():
            process.kill()
            process.join()


def _count_death(process: BaseProcess, chunk: Numbered, deaths: dict[int, int]) -> None:
    number, work = chunk
    deaths[number] = deaths.get(number, 0) + 1
    if deaths[number] >= TRIES:
        raise TenfoldError(
            f"workers died {TRIES} times (exit code {process.exitcode}) over part {number}:"
            f" {str(work)[:300]}"
        )


def _start(job: Job) -> tuple[Connection, BaseProcess]:
    # Spawned, not forked: a fork of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, job), daemon=True)
    process.start()
    there.close()
    return here, process


def _serve(connection: Connection, job: Job) -> None:
    """Be a worker: take chunks until there are no more, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        worker = Worker(job)
        while True:
            connection.send(worker.work(*connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except (TenfoldError, OSError) as error:  # OSError: a full disk
        connection.send(TenfoldError(str(error)))


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
