"""Ray: parts of a workflow on the machines of a cluster, or on a Ray of this machine."""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Self

from tenfold.errors import MissingExtraError, TenfoldError
from tenfold.execution.local import PartLostError
from tenfold.execution.quiet import left_out_of_stderr
from tenfold.machine import limit_threads, usable_cores

try:
    # Read while Ray is imported. It reports its use over the network unless told not to, and
    # remarks on a change to come in how it hides GPUs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Errors that matter come as exceptions, and all are in Ray's logs.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
except ModuleNotFoundError as error:
    raise MissingExtraError("--engine ray", "cluster") from error


ANSWER_SECONDS = 5.0
"""So long an address may take to answer."""


def connect(address: str | None = None) -> bool:
    """Connect to a Ray cluster, or start a Ray on this machine.

    Args:
        address: Of a running cluster, such as "10.0.0.1:6379" or "ray://head:10001". None takes
            $RAY_ADDRESS, and starts a Ray if that is not set.

    Returns:
        Whether this call connected; False if this process was connected before.

    Raises:
        TenfoldError: There is no cluster at that address.
    """
    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        _knock(address)
    own: dict[str, Any] = {"num_cpus": usable_cores(), "include_dashboard": False}
    try:
        with left_out_of_stderr(b"Set ray log level"):
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                **({} if address else own),
            )
    except Exception as error:  # Ray raises a dozen kinds
        where = f"at {address} " if address else ""
        raise TenfoldError(f"no Ray {where}answers: {_one_line(error)}") from error
    return True


def _knock(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():  # auto, or none at all: Ray tells soon
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise TenfoldError(f"no Ray at {address} answers: {_one_line(error)}") from error


class RayEngine:
    """Ray tasks of one core each.

    Args:
        address: See `connect`.
        workers: Parts that run at the same time; all cores of the cluster if not given.

    Raises:
        TenfoldError: There is no cluster at that address.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._connected = connect(address)
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._parts: list[_Task] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for part in self._parts:
            part.stop()
        if self._connected:
            ray.shutdown()

    def start(self, function: Callable[..., Any], *arguments: Any) -> "_Task":
        """Call a function of a module in a Ray task; it waits until a core is free."""
        # Lost tasks are for whoever started them: a search has to take its trial up again first.
        remote = ray.remote(_with_one_thread).options(num_cpus=1, max_retries=0)
        part = _Task(remote.remote(function, *arguments))
        self._parts.append(part)
        return part

    def share(self, value: Any) -> Any:
        """Put a value into Ray's store, where each machine fetches it once."""
        return ray.put(value)

    def ended(self, parts: Sequence["_Task"], timeout: float) -> list["_Task"]:
        """Return those that have ended, after at most so many seconds, sooner if there are any."""
        of = {part.reference: part for part in parts}
        done, _ = ray.wait(list(of), num_returns=1, timeout=timeout)
        return [of[reference] for reference in done]


class _Task:
    """One function call as a Ray task."""

    def __init__(self, reference: Any) -> None:
        self.reference = reference

    def result(self) -> Any:
        """Wait for what the function returns; see `tenfold.execution.local.Part`."""
        try:
            return ray.get(self.reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, TenfoldError):
                raise error.cause from None
            raise TenfoldError(f"a worker failed: {_one_line(error.cause)}") from error
        except ray.exceptions.RayError as error:
            raise PartLostError(f"a worker of the cluster died: {_one_line(error)}") from error

    def stop(self) -> None:
        """End the task, if it has not ended."""
        ray.cancel(self.reference, force=True)


def _with_one_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    limit_threads(1)
    try:
        return function(*arguments)
    except TenfoldError as error:
        raise TenfoldError(str(error)) from None  # not all kinds can be pickled


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
