"""The machine at hand: cores, threads, GPU, bfloat16, processor, installed versions."""

import os
from pathlib import Path
from typing import Any

_PACKAGES = ("tenfold", "numpy", "onnx", "onnxruntime", "openvino", "keras", "tensorflow",
             "tensorflow-cpu", "jax", "torch", "scikit-learn", "lightgbm", "cleanlab")  # fmt: skip


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_threads(threads: int) -> None:
    """Set how many threads Keras's backends use in this process; call before they are imported.

    Without a limit, TensorFlow takes one thread per usable core. Variables that the environment
    already sets keep their values.
    """
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def has_gpu() -> bool:
    """Return whether an NVIDIA driver is loaded, by looking at /proc."""
    return Path("/proc/driver/nvidia/gpus").is_dir()


def has_bfloat16() -> bool:
    """Return whether the hardware computes in bfloat16: a GPU, or AVX-512 or AMX with BF16.

    Elsewhere bfloat16 is emulated and slower than float32.
    """
    if has_gpu():
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False  # not Linux: no way to tell without another dependency
    return "avx512_bf16" in flags or "amx_bf16" in flags


def processor() -> str:
    """Return the processor's name as the operating system reports it."""
    import platform

    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that affect results."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine_facts() -> dict[str, Any]:
    """Return what is recorded beside a measurement: processor, cores, system, date, versions."""
    import platform
    from datetime import UTC, datetime

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
    }
