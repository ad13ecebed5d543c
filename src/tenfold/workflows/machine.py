"""The machine at hand, for what is told of a measurement."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tenfold.workflows.training import processor

_PACKAGES = ("tenfold", "numpy", "onnxruntime", "scikit-learn", "lightgbm", "cleanlab", "keras",
             "tensorflow-cpu")  # fmt: skip


def machine_facts() -> dict[str, Any]:
    """Return processor, cores, system, versions and the date."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions,
    }
