"""The corruptions of MNIST-C, and robustness measured with them."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Mnist
from PIL import Image

from tenfold.cli.main import main
from tenfold.errors import DataError
from tenfold.evaluation.corruptions import CORRUPTIONS, corrupt
from tenfold.reading.reader import Reader
from tenfold.scoring.outcomes import read_pictures, summarize_set
from tenfold.scoring.picture_sets import load_picture_sets
from tenfold.scoring.robustness import robustness


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_changes_every_image_and_the_same_draws_give_the_same(mnist: Mnist, name: str) -> None:
    images = mnist.test_images[:40]
    once = corrupt(images, name)
    assert once.shape == images.shape
    assert once.dtype == np.uint8
    assert (once != images).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(once, corrupt(images, name))


def test_there_are_fifteen() -> None:
    assert len(CORRUPTIONS) == 15


def test_strengths_are_those_published(mnist: Mnist) -> None:
    images = mnist.test_images[:200]
    ink = images.sum(dtype=float)
    bright = corrupt(images, "brightness").astype(int)
    assert bright.min() == 128
    moved = corrupt(images, "translate")
    inner = images[:, 3:-3, 3:-3].sum(dtype=float)
    assert inner <= moved.sum(dtype=float) <= ink
    assert corrupt(images, "scale").sum(dtype=float) / ink == pytest.approx(0.49, abs=0.03)
    striped = corrupt(images, "stripe")
    np.testing.assert_array_equal(striped[:, :, 7:21], images[:, :, 7:21])
    np.testing.assert_array_equal(striped[:, :, :7], 255 - images[:, :, :7])
    speckled = corrupt(images, "impulse_noise")
    assert (speckled != images).mean() == pytest.approx(0.17 * (0.5 + 0.5 * 0.19), abs=0.02)
    assert set(np.unique(corrupt(images, "canny_edges"))) == {0, 255}


def test_picture_sets_of_every_form(reader: Reader, mnist: Mnist, tmp_path: Path) -> None:
    images, labels = mnist.test_images[:20], mnist.test_labels[:20]
    np.savez(tmp_path / "array.npz", x=images, y=labels)
    np.savez(tmp_path / "not_digits_noise.npz", x=images[:3], y=labels[:3])
    for folder in ("files", "pages"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.pad(images[0], 20)).save(tmp_path / folder / "7.png")
    (tmp_path / "files" / "labels.csv").write_text("file,label,kind\n7.png,7,drawn\nbad.png,7,x\n")
    (tmp_path / "files" / "bad.png").write_bytes(b"no picture")
    entries = [{"file": "7.png", "lines": ["7"]}, {"file": "7.png", "lines": None},
               {"file": "7.png", "text": "7"}]  # fmt: skip
    (tmp_path / "pages" / "labels.json").write_text(json.dumps(entries))
    sets = load_picture_sets(tmp_path)
    assert set(sets) == {"array", "files", "not_digits_noise", "pages"}
    rows = {name: summarize_set(name, read_pictures(reader, one)) for name, one in sets.items()}
    assert rows["array"]["accuracy"] == 1
    assert rows["array"]["error_at_95%"] == 0
    assert rows["not_digits_noise"]["accuracy"] == 0
    assert rows["files"]["accuracy"] == 0.5  # one cannot be read
    assert [outcome.correct for outcome in read_pictures(reader, sets["pages"])] == [
        True,
        False,
        True,
    ]


def test_a_folder_without_picture_sets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sets of labeled pictures"):
        load_picture_sets(tmp_path)
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(DataError):
        load_picture_sets(tmp_path)


def test_sets_with_names_of_corruptions_or_of_other_sets(mnist: Mnist, tmp_path: Path) -> None:
    for name in ("fog", "set.v1", "set.v2"):
        (tmp_path / name / "7").mkdir(parents=True)
        Image.fromarray(mnist.test_images[0]).save(tmp_path / name / "7" / "a.png")
    np.savez(tmp_path / "fog.npz", x=mnist.test_images[:2], y=mnist.test_labels[:2])
    found = robustness("tiny", images=2, external=tmp_path)
    assert [row.corruption for row in found.corruptions] == list(CORRUPTIONS)
    sizes = {row["set"]: row["n"] for row in found.external}
    assert sizes == {"fog": 1, "fog.npz": 2, "set.v1": 1, "set.v2": 1}


def test_the_command_robustness(mnist: Mnist, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        main(["robustness", "--images", "40", "--out", str(out), "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["corruption"] for row in told["corruptions"]] == list(CORRUPTIONS)
    by_name = {row["corruption"]: row["read"] for row in told["corruptions"]}
    assert by_name["translate"] > 0.9
    assert by_name["brightness"] > 0.9
    assert told["mean"]["read"] == pytest.approx(np.mean(list(by_name.values())), abs=1e-3)
    assert json.loads((out / "robustness.json").read_text()) == told
    with Image.open(out / "robustness.png") as sheet:
        assert sheet.width > 800
    with pytest.raises(SystemExit) as ended:
        main(["robustness", "--images", "0"])
    assert ended.value.code == 2
