"""`tenfold batch`: kills and resumes, files that are gone, workers that die."""

import errno
import io
import json
import os
import random
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import InlineEngine, batch, command, rows_of

from tenfold.batch import arrays, worker
from tenfold.batch.chunks import Input
from tenfold.batch.planning import plan
from tenfold.batch.run import TRIES
from tenfold.batch.worker import Job, PartSummary, read_chunk, reader_fingerprint
from tenfold.classifiers.bundle import load_bundle
from tenfold.errors import BundleError, TenfoldError, UsageError
from tenfold.execution.engine import run_all
from tenfold.execution.local import LocalEngine


def test_resume_needs_the_same_input_and_settings(
    folder: Path, tmp_path: Path, tenfold_batch
) -> None:
    out = tmp_path / "out"
    assert tenfold_batch(folder, out, "--single", "--workers", 1, "--resume")[0] == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    code, text, _ = tenfold_batch(folder, out, "--single", "--resume")
    assert (code, text) == (0, f"20 pictures in {out}: all of them were read before\n")
    assert "finished" in tenfold_batch(folder, out, "--single")[2]
    assert "other settings" in tenfold_batch(folder, out, "--resume")[2]
    assert "model" in tenfold_batch(folder, out, "--single", "--resume", "--model", "tiny")[2]
    shutil.copy(folder / "0" / "00.png", folder / "0" / "one more.png")
    code, _, err = tenfold_batch(folder, out, "--single", "--resume")
    assert code == 2
    assert "other files" in err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("name", ["input", "bytes"])
@pytest.mark.parametrize("value", [None, 5, [], [5]])
def test_a_manifest_that_was_edited_is_refused(
    name: str, value: object, folder: Path, tmp_path: Path, tenfold_batch
) -> None:
    out = tmp_path / "out"
    batch(folder, out)
    manifest = json.loads((out / "_batch.json").read_text()) | {name: value}
    if value is None:
        del manifest[name]
    (out / "_batch.json").write_text(json.dumps(manifest))
    code, _, err = tenfold_batch(folder, out, "--model", "standard", "--resume")
    assert (code, err.count("\n")) == (2, 1)
    assert err.endswith("; give another folder\n")


def test_missing_and_damaged_parts_are_made_again(mnist, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrays, "IMAGES_PER_CHUNK", 50)
    np.save(tmp_path / "in.npy", mnist.test_images[:200])
    out = tmp_path / "out"
    batch(tmp_path / "in.npy", out)
    before = rows_of(out)
    (out / "part-00000001.parquet").unlink()
    (out / "part-00000002.parquet").write_bytes(b"")
    for left_by_a_kill in (".part-00000003.parquet.abc.parquet", "._batch.json.abc.json"):
        (out / left_by_a_kill).touch()
    told = batch(tmp_path / "in.npy", out, resume=True)
    assert (told["pictures"], told["read_now"], told["parts"]) == (200, 100, 4)
    assert rows_of(out) == before
    assert sorted(path.name for path in out.iterdir()) == [
        "_batch.json", *(f"part-{number:08}.parquet" for number in range(4))
    ]  # fmt: skip


def test_a_moved_input_keeps_its_sources(mnist, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrays, "IMAGES_PER_CHUNK", 50)
    (tmp_path / "a").mkdir()
    np.save(tmp_path / "a" / "in.npy", mnist.test_images[:100])
    batch(tmp_path / "a", tmp_path / "out")
    before = pq.read_table(tmp_path / "out").to_pylist()
    (tmp_path / "out" / "part-00000001.parquet").unlink()
    (tmp_path / "a").rename(tmp_path / "b")
    batch(tmp_path / "b", tmp_path / "out", resume=True)
    assert pq.read_table(tmp_path / "out").to_pylist() == before


def test_kills_lose_and_double_nothing(mnist, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(20):  # more than is read in the moments before three kills
        np.save(source / f"{number}.npy", np.roll(mnist.test_images[:4000], number, axis=0))
    rng = random.Random(0)
    again = command(source, out, "--model", "standard", "--workers", 2, "--resume")
    killed = 0
    for _ in range(3):
        child = subprocess.Popen(again, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        parts = len(list(out.glob("part-*")))
        end = time.monotonic() + 60
        while len(list(out.glob("part-*"))) <= parts and child.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
    assert killed == 3
    finished = subprocess.run([*again, "--json"], capture_output=True, text=True, check=True)
    told = json.loads(finished.stdout)
    assert told["read_now"] < told["pictures"] == 80_000
    table = pq.read_table(out, columns=["source", "index"])
    assert len(set(zip(*table.to_pydict().values(), strict=True))) == len(table) == 80_000
    assert not list(out.glob(".part-*"))


@pytest.mark.parametrize("seconds", [0.1, 0.5])
def test_ctrl_c_says_how_to_continue(seconds: float, mnist, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.tile(mnist.test_images, (3, 1, 1)))
    child = subprocess.Popen(
        command(tmp_path / "in.npy", tmp_path / "out"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "out" / "_batch.json").exists():
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(child.pid, signal.SIGINT)  # a terminal interrupts the workers too, while they start
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert err.strip().endswith("--resume")
    assert len(err.strip().splitlines()) == 1


def test_only_one_process_writes(folder: Path, tmp_path: Path, tenfold_batch) -> None:
    from tenfold.files import lock

    batch(folder, tmp_path / "out")
    with lock(tmp_path / "out" / ".lock", timeout=0):
        code, _, err = tenfold_batch(folder, tmp_path / "out", "--model", "standard", "--resume")
    assert code == 1
    assert "another process" in err


@pytest.mark.parametrize("name", ["in.npy", "in.npz", "in.parquet", "in.tar", "in.tgz"])
def test_a_missing_file_loses_no_rows(name: str, pngs, mnist, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    path = source / name
    if path.suffix in (".npy", ".npz"):
        {".npy": np.save, ".npz": np.savez}[path.suffix](path, mnist.test_images[:20])
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({"image": pngs}), path)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as shard:
            for number, data in enumerate(pngs):
                member = tarfile.TarInfo(f"{number}.png")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))

    class Removing(InlineEngine):
        def start(self, function, *arguments):
            path.rename(tmp_path / name)
            return super().start(function, *arguments)

    with pytest.raises(OSError, match="No such file"):
        batch(source, tmp_path / "out", engine=Removing())
    (tmp_path / name).rename(path)
    assert batch(source, tmp_path / "out", resume=True)["pictures"] == 20


class _Deadly:
    """A chunk that kills the worker reading it, a given number of times."""

    size_bytes = 1

    def __init__(self, notes: Path, times: int) -> None:
        self.notes, self.times = notes, times

    def contents(self, source: Input):
        count = int(self.notes.read_text()) if self.notes.exists() else 0
        self.notes.write_text(str(count + 1))
        if count < self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return iter(())


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_dies_is_replaced_once(times: int, tmp_path: Path) -> None:
    job = Job(tmp_path, "tiny", reader_fingerprint("tiny"), single=False)
    calls = [(job, 0, Input(tmp_path, "in"), _Deadly(tmp_path / "notes", times))]
    with LocalEngine(1) as engine:
        results = run_all(engine, read_chunk, calls, tries=TRIES)
        if times == 1:
            assert list(results) == [PartSummary(1, 0, 0, "")]
        else:
            with pytest.raises(TenfoldError, match="died 2 times"):
                list(results)


def test_a_wrong_model_in_a_worker_is_an_error(folder: Path, tmp_path: Path) -> None:
    job = Job(tmp_path, "nonsense", "", single=False)
    given = Input(folder, "in")
    calls = ((job, number, given, chunk) for number, chunk in enumerate(plan(folder)))
    with LocalEngine(2) as engine, pytest.raises(TenfoldError, match="no model 'nonsense'"):
        list(run_all(engine, read_chunk, calls))


def test_a_worker_with_another_model_stops_the_batch(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(load_bundle("tiny").folder, model)

    class Replacing(InlineEngine):
        def start(self, function, *arguments):
            shutil.copytree(load_bundle("nano").folder, model, dirs_exist_ok=True)
            return super().start(function, *arguments)

    with pytest.raises(BundleError, match="has another model"):
        batch(folder, tmp_path / "out", model=model, engine=Replacing())
    assert not list((tmp_path / "out").glob("*.parquet"))


@pytest.mark.parametrize("changed", ["version", "line network"])
def test_a_batch_is_resumed_by_the_same_reader(
    changed: str, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    batch(folder, tmp_path / "out")
    if changed == "version":
        monkeypatch.setattr(worker, "__version__", "0.0.0")
    else:
        other = load_bundle("reader")
        other.meta["files"]["line.onnx"] = "0" * 64
        monkeypatch.setattr(worker, "load_bundle", lambda _: other)
    with pytest.raises(UsageError, match="another model, or by another version"):
        batch(folder, tmp_path / "out", resume=True)


def test_a_full_disk_is_named_with_how_to_continue(
    folder: Path, tmp_path: Path, tenfold_batch, monkeypatch
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self), str(target))

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        code, _, err = tenfold_batch(folder, out, "--single")
    assert code == 1
    assert err == (
        f"tenfold: cannot write {out / '_batch.json'}: No space left on device; continue with the"
        " same command and --resume\n"
    )
    assert [path.name for path in out.iterdir()] == [".lock"]
