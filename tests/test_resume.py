"""Training processes stopped at random points must end where an undisturbed one ends."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenfold.classifiers.bundle import load_bundle
from tenfold.cli.main import main

RECIPE = ["--recipe", "conv", "--epochs", "6", "--train-size", "10000", "--batch-size", "100"]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tenfold", "train", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    for _ in range(6000):
        if list(folder.glob(pattern)) or process.poll() is not None:
            return
        time.sleep(0.05)
    pytest.fail(f"no {pattern} in {folder} after minutes")


@pytest.mark.slow
def test_stopped_killed_and_resumed_ends_at_the_same_weights(
    tensorflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    process = start(*RECIPE, "--deterministic", "--out", str(out))
    wait_for(out, "checkpoints/*/epoch-00001.ckpt", process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == ""
    assert f"interrupted; continue with: tenfold train --resume {out}" in stderr
    assert "Traceback" not in stderr
    assert (out / "run.json").is_file()
    process = start("--resume", str(out))
    wait_for(out, "checkpoints/*/epoch-00004.ckpt", process)
    time.sleep(random.uniform(0, 0.2))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = [p for p in out.rglob("*") if p.name in ("meta.json", "model.onnx")]
    assert not left, "a killed run must not look finished"
    with pytest.raises(SystemExit) as ended:
        main(["train", "--resume", str(out)])
    assert ended.value.code == 0
    assert "test accuracy" in capsys.readouterr().out
    undisturbed = tmp_path / "undisturbed"
    with pytest.raises(SystemExit) as ended:
        main(["train", *RECIPE, "--deterministic", "--out", str(undisturbed), "--quiet"])
    assert ended.value.code == 0
    meta, expected = load_bundle(out).meta, load_bundle(undisturbed).meta
    assert meta["files"]["model.onnx"] == expected["files"]["model.onnx"]
    assert meta["test"] == expected["test"]
    assert not (out / "checkpoints").exists()
    assert not list(out.glob(".*")), "nothing hidden is left"
