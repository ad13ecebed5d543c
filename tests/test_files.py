import errno
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tenfold.errors import TenfoldError, UsageError, WriteError
from tenfold.files import (
    CACHE_VARIABLE,
    atomic_path,
    cache_dir,
    make_folder,
    sha256,
    temporary_folder,
    write_atomic,
    write_files,
)


def test_write_atomic_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_atomic(path, "one")
    write_atomic(path, b"two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_a_new_file_follows_the_umask_and_leaves_it_to_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    umask = os.umask
    before = umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", None)
        write_atomic(tmp_path / "a", "1")
    finally:
        umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "é" * 125 + ".csv", "." + "x" * 254])
def test_a_name_as_long_as_the_file_system_takes(name: str, tmp_path: Path) -> None:
    write_atomic(tmp_path / name, b"all")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail_halfway() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["open", "fsync", "replace"])
@pytest.mark.parametrize("several", [False, True])
def test_a_full_disk_is_an_error_that_names_the_place(
    failing: str, several: bool, tmp_path: Path, monkeypatch
) -> None:
    def fail(of: Path | int, *_: object, **__: object) -> None:
        name = str(of) if isinstance(of, Path) else None
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr(os if failing == "fsync" else Path, failing, fail)
    place = tmp_path if several else tmp_path / "a"
    write = (
        partial(write_files, place, {"a": b"1"}) if several else partial(write_atomic, place, "1")
    )
    with pytest.raises(WriteError, match=f"cannot write {place}: No space left on device"):
        write()
    assert not list(tmp_path.iterdir())


def test_a_file_in_this_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = 256 * "a"
    with pytest.raises(WriteError, match=r"cannot write a+: File name too long"):
        write_atomic(Path(name), "1")
    with pytest.raises(WriteError, match=r"cannot write \.: File name too long"):
        temporary_folder(Path(name)).__enter__()


def test_an_error_of_another_file_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a"):
        (tmp_path / "missing").read_bytes()


def test_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    script = (
        "import os, signal, sys; from pathlib import Path; from tenfold.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert result.returncode == -9
    assert path.read_text() == "old"


def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot make the folder .*: a file is in the way"):
        make_folder(tmp_path / "file" / "below")


def test_cache_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_dir().name == "tenfold"


def test_sha256_of_bytes_and_files_agree(tmp_path: Path) -> None:
    # FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(b"abc") == sha256(tmp_path / "abc") == expected


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is flushed to disk and what is renamed, in order."""
    calls: list[tuple[str, str]] = []
    names: dict[int, str] = {}
    fsync, replace = os.fsync, Path.replace

    def flush(handle: int) -> None:
        fsync(handle)
        status = os.fstat(handle)
        folder = stat.S_ISDIR(status.st_mode)
        calls.append(("flush", "folder" if folder else names.setdefault(status.st_ino, "?")))

    def rename(self: Path, target: Path) -> Path:
        for number, call in enumerate(calls):  # its name is known only now
            if call == ("flush", "?"):
                calls[number] = ("flush", target.name)
                break
        calls.append(("rename", target.name))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    return calls


def test_a_power_cut_finds_the_old_file_or_the_new_one(tmp_path: Path, done) -> None:
    write_atomic(tmp_path / "a", b"1")
    assert done == [("flush", "a"), ("rename", "a"), ("flush", "folder")]


def test_a_power_cut_never_finds_the_last_file_without_the_others(tmp_path: Path, done) -> None:
    write_files(tmp_path, {"a": b"1", "b": b"2", "last": b"3"})
    kinds = [kind for kind, _ in done]
    assert kinds == ["flush"] * 3 + ["rename"] * 2 + ["flush", "rename", "flush"]
    assert done[-2] == ("rename", "last")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"1", "b": b"2", "last": b"3",
    }  # fmt: skip


def test_new_folders_survive_a_power_cut(tmp_path: Path, done) -> None:
    make_folder(tmp_path / "a" / "b")
    assert done == [("flush", "folder")] * 2


def test_temporary_files_of_an_old_kill_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "data[1].npz"
    old, young = (tmp_path / f".data[1].npz.{name}.npz" for name in ("old", "young"))
    other = tmp_path / ".data1.npz.old.npz"
    for left in (old, young, other):
        left.write_bytes(b"left")
    for left in (old, other):
        os.utime(left, (0, 0))
    write_atomic(path, b"new")
    assert sorted(tmp_path.iterdir()) == sorted([path, young, other])


def test_no_home_folder_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "TENFOLD_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user without an entry
    with pytest.raises(TenfoldError, match="no home folder for the cache: set TENFOLD_CACHE"):
        cache_dir()
    monkeypatch.setenv("TENFOLD_CACHE", "/tmp/elsewhere")
    assert cache_dir() == Path("/tmp/elsewhere")
