"""The machine this runs on: cores, threads, memory limit, GPU, processor, installed versions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PACKAGES = ("tenfold", "numpy", "onnx", "onnxruntime", "openvino", "keras", "tensorflow",
             "tensorflow-cpu", "jax", "torch", "scikit-learn", "lightgbm", "cleanlab")  # fmt: skip

_PROCESSOR_FACTS = Path("/proc/cpuinfo")


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_threads(threads: int) -> None:
    """Set the number of threads of Keras's backends; call this before they are imported.

    Without a limit, TensorFlow takes one thread per usable core. Variables that the environment
    already sets keep their values.
    """
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def limit_memory(size_bytes: int) -> None:
    """Limit the address space of this process (RLIMIT_AS): allocations beyond it fail.

    The limit may be raised again. Does nothing on Windows; macOS accepts the limit and ignores it.
    """
    try:
        import resource
    except ModuleNotFoundError:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        size_bytes = min(size_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (size_bytes, hard))


@contextmanager
def limited_memory(size_bytes: int) -> Iterator[None]:
    """Limit the address space that the block may take, besides what is taken; Linux only.

    Allocations beyond it fail, in other threads of this process too.
    """
    occupied = address_space_bytes()
    if not occupied:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    limit_memory(occupied + size_bytes)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def address_space_bytes() -> int:
    """Return the size of this process's address space; 0 where there is no /proc."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def free_address_space_bytes() -> float:
    """Return how much the address space may still grow; infinity without a limit."""
    try:
        import resource
    except ModuleNotFoundError:
        return float("inf")
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else limit - address_space_bytes()


def has_gpu() -> bool:
    """Return whether an NVIDIA driver is loaded, by looking at /proc."""
    return Path("/proc/driver/nvidia/gpus").is_dir()


def has_fast_bfloat16() -> bool:
    """Return whether the processor is faster in bfloat16 than in float32.

    That is so with AMX, and with AMD's AVX-512. Intel's AVX-512 without AMX is slower in bfloat16
    (dev/training-speed.md), and other processors emulate it.
    """
    try:
        facts = _PROCESSOR_FACTS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False  # not Linux: no way to tell without another dependency
    return "amx_bf16" in facts or ("avx512_bf16" in facts and "AuthenticAMD" in facts)


def trains_in_bfloat16() -> bool:
    """Return whether training is faster in bfloat16 here: on GPUs, and on some processors."""
    return has_gpu() or has_fast_bfloat16()


def processor() -> str:
    """Return the processor's name as the operating system reports it."""
    import platform

    try:
        for line in _PROCESSOR_FACTS.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions(*more_packages: str) -> dict[str, str]:
    """Return the versions of Python, of the packages that affect results, and of more packages.

    Packages that are not installed are left out.
    """
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in (*_PACKAGES, *more_packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return the processor's name, the number of usable cores, and the operating system."""
    import platform

    return {
        "processor": processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def machine_facts(*more_packages: str) -> dict[str, Any]:
    """Return what is recorded beside a measurement: the hardware, the date (UTC) and `versions`."""
    from datetime import UTC, datetime

    date = datetime.now(UTC).date().isoformat()
    return hardware() | {"date": date, "versions": versions(*more_packages)}
