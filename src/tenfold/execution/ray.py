"""Tasks on the machines of a Ray cluster, or on a Ray started on this machine."""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Self
from weakref import WeakSet

from tenfold.errors import MissingExtraError, TenfoldError
from tenfold.execution.engine import WorkerLostError, call_in_worker
from tenfold.execution.quiet import filtered_stderr
from tenfold.machine import limit_threads, usable_cores

try:
    # Ray reads these variables when it is imported. By default it reports its use over the
    # network, and warns of a coming change in how it hides GPUs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Errors that matter come as exceptions, and all are in Ray's logs.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
except ModuleNotFoundError as error:
    raise MissingExtraError("--engine ray", "cluster") from error


CONNECT_SECONDS = 5.0
"""Longest time a cluster's address may take to accept a connection."""


class RayEngine:
    """Ray tasks of one core each.

    Args:
        address: Of a running cluster, such as "10.0.0.1:6379" or "ray://head:10001". None takes
            $RAY_ADDRESS, and starts a Ray on this machine if that is not set. If this process is
            connected to a Ray already, that one is used.
        workers: Number of tasks that run at the same time; None takes all cores of the cluster.

    Raises:
        TenfoldError: No cluster answers at that address.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            _connect(address or os.environ.get("RAY_ADDRESS"))
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        # Whoever started a lost task starts it again: a search must first reset its trial.
        self._call = ray.remote(_call_with_one_thread).options(num_cpus=1, max_retries=0)
        self._tasks: WeakSet[RayTask] = WeakSet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks:
            task.stop()
        if self._connected_here:
            ray.shutdown()

    def start(self, function: Callable[..., Any], *arguments: Any) -> "RayTask":
        """Call a module-level function in a Ray task, as soon as a core is free."""
        task = RayTask(self._call.remote(function, *arguments))
        self._tasks.add(task)
        return task

    def share(self, value: Any) -> Any:
        """Put a value into Ray's store, from which each machine fetches it once."""
        return ray.put(value)

    def wait(self, tasks: Sequence["RayTask"], timeout: float) -> list["RayTask"]:
        """Return the tasks that have ended; waits until one has, for at most `timeout` seconds."""
        by_reference = {task.reference: task for task in tasks}
        done, _ = ray.wait(list(by_reference), num_returns=1, timeout=timeout)
        return [by_reference[reference] for reference in done]


class RayTask:
    """A function call as a Ray task; see `tenfold.execution.engine.Task`."""

    def __init__(self, reference: Any) -> None:
        self.reference = reference

    def result(self) -> Any:
        """Wait for the function to return, and return its value; raises what `Task.result` does."""
        try:
            return ray.get(self.reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, TenfoldError):
                raise error.cause from None
            raise TenfoldError(f"a worker failed: {_first_line(error.cause)}") from error
        except ray.exceptions.RayError as error:
            raise WorkerLostError(f"a worker of the cluster died: {_first_line(error)}") from error

    def stop(self) -> None:
        """End the task at once; does nothing if it has ended."""
        ray.cancel(self.reference, force=True)


def _connect(address: str | None) -> None:
    """Connect to a cluster, or start a Ray on this machine if there is no address."""
    if address:
        _check_listening(address)
    own: dict[str, Any] = {"num_cpus": usable_cores(), "include_dashboard": False}
    try:
        with filtered_stderr(b"Set ray log level"):
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                **({} if address else own),
            )
    except Exception as error:  # Ray raises a dozen kinds
        what = f"no Ray at {address} answers" if address else "Ray does not start on this machine"
        raise TenfoldError(f"{what}: {_first_line(error)}") from error


def _check_listening(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():  # "auto", or no address: Ray itself fails soon
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise TenfoldError(f"no Ray at {address} answers: {_first_line(error)}") from error


def _call_with_one_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    limit_threads(1)
    return call_in_worker(function, arguments)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
