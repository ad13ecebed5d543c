"""Training processes killed at random points must end where an undisturbed one ends."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenfold.classifiers.bundle import load_bundle

RECIPE = ["--recipe", "conv", "--epochs", "6", "--train-size", "20000", "--batch-size", "100"]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tenfold", "train", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if list(folder.glob(pattern)) or process.poll() is not None:
            return
        time.sleep(0.05)
    pytest.fail(f"no {pattern} in {folder} after a minute")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    process = start(*RECIPE, "--deterministic", "--out", str(out), "--json", "--quiet")
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["bundle"] == str(out)
    return load_bundle(out).meta


def test_killed_and_resumed_ends_at_the_same_weights(undisturbed, tmp_path: Path) -> None:
    seed = time.time_ns() % 10_000
    rng = random.Random(seed)
    out = tmp_path / "run"
    process = start(*RECIPE, "--deterministic", "--out", str(out))
    for epoch in (1, 4):
        wait_for(out, f"checkpoints/*/epoch-0000{epoch}.ckpt", process)
        time.sleep(rng.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        left = [p for p in out.rglob("*") if p.name in ("meta.json", "model.onnx")]
        assert not left, "a killed run must not look finished"
        process = start("--resume", str(out))
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, (seed, stderr)
    assert "test accuracy" in stdout
    meta = load_bundle(out).meta
    assert meta["files"]["model.onnx"] == undisturbed["files"]["model.onnx"]
    assert meta["test"] == undisturbed["test"]
    assert not (out / "checkpoints").exists()
    assert not list(out.glob(".*")), "nothing hidden is left"


def test_ctrl_c_names_the_command_to_continue(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(*RECIPE, "--out", str(out))
    wait_for(out, "checkpoints/*/epoch-00001.ckpt", process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stdout == ""
    assert f"interrupted; continue with: tenfold train --resume {out}" in stderr
    assert "Traceback" not in stderr
    assert (out / "run.json").is_file()
