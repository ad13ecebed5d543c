"""The loop, its batches, schedule and checkpoints, in this process."""

import logging
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import answers

from tenfold.errors import TrainingError, UsageError
from tenfold.networks.build import build_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Augmentation, Optimizer, Schedule, check_recipe
from tenfold.recipes.serialization import override
from tenfold.training.batches import Batches
from tenfold.training.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from tenfold.training.loop import fit
from tenfold.training.optimizers import build_optimizer
from tenfold.training.schedules import learning_rate_at

pytestmark = pytest.mark.usefixtures("tensorflow")

QUICK = override(recipe_named("conv"), {"epochs": 3, "batch_size": 100})


def quick_fit(mnist, recipe=QUICK, count=1000, **options):
    return fit(recipe, mnist.train_images[:count], mnist.train_labels[:count], **options)


def one_epoch(batches: Batches, number: int, steps_at_once: int) -> list:
    (chunks,) = [list(epoch) for epoch in batches.epochs(range(number, number + 1), steps_at_once)]
    return chunks


def same_weights(one, other) -> bool:
    pairs = zip(one.network.get_weights(), other.network.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_it_learns(mnist) -> None:
    images, labels = mnist.train_images[-1000:], mnist.train_labels[-1000:]
    trained = quick_fit(mnist, count=5000, validation=(images, labels))
    assert [row["epoch"] for row in trained.history] == [1, 2, 3]
    assert trained.history[-1]["val_accuracy"] > 0.93
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    right = answers(trained.network, images).argmax(axis=1) == labels
    assert right.mean() == pytest.approx(trained.history[-1]["val_accuracy"], abs=1e-6)
    assert 0 < trained.seconds < 120


def test_deterministic_seeds(mnist) -> None:
    once = quick_fit(mnist, seed=1, deterministic=True)
    assert same_weights(once, quick_fit(mnist, seed=1, deterministic=True))
    assert not same_weights(once, quick_fit(mnist, seed=2, deterministic=True))


def test_resumed_training_ends_at_the_same_weights(mnist, tmp_path) -> None:
    undisturbed = quick_fit(mnist, deterministic=True)
    quick_fit(mnist, deterministic=True, checkpoints=tmp_path)
    for newest in ("epoch-00003.ckpt", "epoch-00002.ckpt"):
        if newest == "epoch-00002.ckpt":  # the newest was redone; damage it, keep the one before
            path = tmp_path / "epoch-00003.ckpt"
            path.write_bytes(path.read_bytes()[:-1])
        else:
            (tmp_path / newest).unlink()
        resumed = quick_fit(mnist, deterministic=True, checkpoints=tmp_path)
        assert same_weights(undisturbed, resumed)
        assert len(resumed.history) == 3
        for a, b in zip(undisturbed.history, resumed.history, strict=True):
            assert (a["loss"], a["accuracy"]) == (b["loss"], b["accuracy"])


def test_a_loss_that_is_not_finite_stops_the_training(mnist) -> None:
    wild = override(QUICK, {"optimizer.name": "sgd", "optimizer.learning_rate": 1e6,
                            "layers.0.activation": "linear"})  # fmt: skip
    with pytest.raises(TrainingError, match=r"in epoch 1: try a learning rate below 1e\+06"):
        quick_fit(mnist, wild)


def test_a_training_that_learns_nothing_warns(mnist, caplog: pytest.LogCaptureFixture) -> None:
    today = override(recipe_named("article-today"), {"epochs": 2})
    with caplog.at_level(logging.WARNING):
        quick_fit(mnist, today, count=1000)
    assert "NOT LEARNING" in caplog.text
    assert "Adadelta was made for 1.0" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        quick_fit(mnist, count=2000)
    assert "NOT LEARNING" not in caplog.text
    with caplog.at_level(logging.WARNING):
        quick_fit(mnist, override(QUICK, {"epochs": 1, "optimizer.learning_rate": 1e-9}))
    assert "after 1 epoch; guessing" in caplog.text
    assert "The likely cause is too few steps, 10, or the learning rate, 1e-09" in caplog.text
    still = {"epochs": 1, "batch_size": 10, "optimizer.learning_rate": 1e-9}
    with caplog.at_level(logging.WARNING):
        quick_fit(mnist, override(QUICK, still))
    assert "The likely cause is the learning rate, 1e-09" in caplog.text


def test_a_few_steps_are_no_reason_to_warn(mnist, caplog: pytest.LogCaptureFixture) -> None:
    slow = override(recipe_named("softmax"), {"batch_size": 75, "epochs": 125})
    images, labels = mnist.train_images[:300], mnist.train_labels[:300]
    trained = fit(slow, images, labels)
    assert trained.history[1]["accuracy"] < 0.2  # after eight steps of 500
    assert trained.history[-1]["accuracy"] > 0.9
    assert "NOT LEARNING" not in caplog.text


def test_too_few_images_for_a_batch(mnist) -> None:
    with pytest.raises(TrainingError, match="99 images do not fill one batch of 100"):
        quick_fit(mnist, count=99)


def test_an_epoch_takes_every_image_once_in_a_new_order(mnist) -> None:
    labels = np.arange(100, dtype=np.uint8) % 10
    images = np.zeros((100, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(100)
    batches = Batches(images, labels, 30, Augmentation(), seed=3)

    def marks(epoch: int, steps_at_once: int) -> np.ndarray:
        chunks = one_epoch(batches, epoch, steps_at_once)
        assert all(len(x) <= steps_at_once and x.shape[1:] == (30, 28, 28) for x, _ in chunks)
        for x, y in chunks:
            np.testing.assert_array_equal(y.argmax(axis=2), x[:, :, 0, 0] % 10)
            np.testing.assert_array_equal(y.sum(axis=2), 1)
        return np.concatenate([x[:, :, 0, 0].ravel() for x, _ in chunks])

    first = marks(0, 2)
    assert batches.steps == 3
    assert len(set(first)) == 90
    np.testing.assert_array_equal(first, marks(0, 3))  # chunks change nothing
    assert not np.array_equal(first, marks(1, 2))


def test_epochs_follow_each_other(mnist) -> None:
    images, labels = mnist.train_images[:100], mnist.train_labels[:100]
    batches = Batches(images, labels, 30, Augmentation(shift_pixels=1), seed=3)
    together = [list(chunks) for chunks in batches.epochs(range(1, 4), 2)]
    assert [[len(x) for x, _ in chunks] for chunks in together] == [[2, 1]] * 3
    for number, chunks in zip((1, 2, 3), together, strict=True):
        for (a, _), (b, _) in zip(chunks, one_epoch(batches, number, 2), strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_epoch_may_take_fewer_images_than_there_are() -> None:
    images = np.zeros((100, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(100)
    batches = Batches(images, np.zeros(100, np.uint8), 10, Augmentation(), 0, epoch_images=45)
    taken = [x[:, :, 0, 0].ravel() for x, _ in one_epoch(batches, 0, 16)]
    assert batches.steps == 4
    assert len(set(np.concatenate(taken))) == 40


def test_hard_examples_are_drawn_more_often_and_new_ones_first() -> None:
    images = np.zeros((1000, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(1000) % 250, np.arange(1000) // 250
    batches = Batches(
        images,
        np.zeros(1000, np.uint8),
        10,
        Augmentation(),
        0,
        epoch_images=250,
        hard_examples=True,
    )
    taken = np.zeros((40, 1000), int)
    for number, chunks in enumerate(batches.epochs(range(40), 9)):
        for given, _ in chunks:
            places = given[:, :, 0, 0] + 250 * given[:, :, 0, 1].astype(int)
            taken[number, places] += 1
            batches.note(np.where(places < 100, np.float32(0.8), np.float32(0.0)))
    assert taken.max() == 1
    assert (taken.sum(axis=1) == 250).all()
    assert (taken[:4].sum(axis=0) > 0).mean() > 0.85  # new ones first
    hard, easy = taken[8:, :100].mean(), taken[8:, 100:].mean()
    assert hard > 0.75
    assert 0.15 < easy < 0.2
    np.testing.assert_array_equal(batches.deficits > 0.5, np.arange(1000) < 100)


def test_made_up_marks_say_nothing_about_the_images_they_replace(mnist) -> None:
    batches = Batches(
        mnist.train_images[:100], mnist.train_labels[:100], 100, Augmentation(non_digits=0.5),
        seed=0, hard_examples=True,
    )  # fmt: skip
    one_epoch(batches, 0, 1)
    batches.note(np.zeros((1, 100), np.float32))
    assert (batches.deficits == 0).sum() == 50


def test_the_deficit_is_what_a_label_lacks(mnist) -> None:
    """After training without augmentation, the images with a deficit are those read wrongly."""
    images, labels = mnist.train_images[:1000], mnist.train_labels[:1000]
    seen = []

    class Seen(Batches):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            seen.append(self)

    recipe = override(QUICK, {"hard_examples": True, "epoch_images": 500, "epochs": 12})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenfold.training.loop.Batches", Seen)
        trained = fit(recipe, images, labels)
    wrong = answers(trained.network, images).argmax(axis=1) != labels
    deficits = seen[0].deficits
    assert ((deficits >= 0) & (deficits <= 1)).all()
    assert deficits[wrong].min() > 0.4
    assert np.median(deficits[~wrong]) < 0.1


def test_hard_examples_resume_bit_for_bit(mnist, tmp_path) -> None:
    recipe = override(QUICK, {"hard_examples": True, "epoch_images": 300, "epochs": 6})
    undisturbed = quick_fit(mnist, recipe, deterministic=True)

    def stop(row) -> None:
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick_fit(mnist, recipe, deterministic=True, checkpoints=tmp_path, on_epoch=stop)
    resumed = quick_fit(mnist, recipe, deterministic=True, checkpoints=tmp_path)
    assert same_weights(undisturbed, resumed)


def test_cooldown_epochs_change_images_half_as_often(mnist) -> None:
    images, labels = mnist.train_images[:400], mnist.train_labels[:400]

    def changed(epoch: int, cooldown_from: float, **part: float) -> float:
        """Return how many of the digits of an epoch are not as they were."""
        batches = Batches(
            images, labels, 200, Augmentation(**part), seed=3, cooldown_from=cooldown_from
        )
        ((given, targets),) = one_epoch(batches, epoch, 2)
        digits = given[targets.max(axis=2) == 1]
        known = {image.tobytes() for image in images}
        return sum(image.tobytes() not in known for image in digits) / len(digits)

    for part in ("neighbors", "degraded"):
        before, cooled = changed(0, 1, **{part: 0.8}), changed(1, 1, **{part: 0.8})
        assert 0.7 < before < 0.9, part
        assert 0.3 < cooled < 0.5, part
        assert changed(1, np.inf, **{part: 0.8}) > 0.7, part
    # Where digits stand and how many are marks instead stays.
    assert Augmentation(2, 12, 0.1, thickness=0.4).for_cooldown() == Augmentation(
        2, 6, 0.05, thickness=0.2
    )
    marks = Batches(images, labels, 200, Augmentation(non_digits=0.5), seed=3, cooldown_from=1)
    for epoch in (0, 1):
        ((_, targets),) = one_epoch(marks, epoch, 2)
        assert (targets.max(axis=2) == 1).mean() == 0.5
    with pytest.raises(UsageError, match="cooldown_epochs is 9; it must lie between 0 and 6"):
        check_recipe(override(recipe_named("conv"), {"cooldown_epochs": 9}))


def test_a_training_ends_with_its_cooldown_epochs(mnist, monkeypatch) -> None:
    given = []

    def seen(*arguments, **options):
        given.append(arguments)
        return Batches(*arguments, **options)

    monkeypatch.setattr("tenfold.training.loop.Batches", seen)
    quick_fit(mnist, override(QUICK, {"epochs": 3, "cooldown_epochs": 2}), count=200)
    assert given[0][6] == 1  # the first cooldown epoch


def test_an_error_while_a_batch_is_made_is_not_lost(mnist, monkeypatch) -> None:
    def broken(*_):
        raise OSError("no such luck")

    monkeypatch.setattr("tenfold.training.batches.augment", broken)
    with pytest.raises(OSError, match="no such luck"):
        quick_fit(mnist)


def test_keras_follows_the_one_cycle_schedule() -> None:
    schedule = Schedule("one-cycle", warmup=0.25)
    rates = [learning_rate_at(schedule, 2.0, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[25] == pytest.approx(2.0)
    assert rates[100] == 0
    assert rates[:26] == sorted(rates[:26])
    optimizer = build_optimizer(Optimizer(learning_rate=2.0), schedule, 100)
    for step in (0, 10, 25, 60, 99):
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(rates[step], rel=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "adadelta", "rmsprop", "muon"])
def test_every_optimizer_trains(mnist, name: str) -> None:
    recipe = override(QUICK, {"optimizer.name": name, "epochs": 1,
                              "optimizer.weight_decay": 0.001})  # fmt: skip
    trained = quick_fit(mnist, recipe, count=300)
    assert np.isfinite(trained.history[0]["loss"])


def test_muon_moves_a_kernel_by_a_semi_orthogonal_matrix(mnist) -> None:
    recipe = override(QUICK, {"optimizer.name": "muon", "optimizer.learning_rate": 0.01,
                              "schedule.shape": "constant"})  # fmt: skip
    network = build_network(recipe)
    optimizer = build_optimizer(recipe.optimizer, recipe.schedule, 10)
    kernel = network.get_layer("conv1").kernel
    before = kernel.numpy().reshape(25, 16)
    optimizer.build(network.trainable_variables)
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=v.shape).astype(np.float32) for v in network.trainable_variables]
    optimizer.apply(gradients)
    step = before - kernel.numpy().reshape(25, 16)
    lengths = np.linalg.svd(step, compute_uv=False) / (0.01 * 0.2 * 5)
    # Newton-Schulz steps with Jordan's coefficients leave singular values about 1.
    assert lengths.min() > 0.5
    assert lengths.max() < 1.3


def test_two_checkpoints_are_kept_and_a_damaged_one_is_skipped(tmp_path, caplog) -> None:
    assert latest_checkpoint(tmp_path) is None
    for epoch in (1, 2, 3):
        arrays = [np.full((2, 2), epoch, np.float32), np.array(7)]
        save_checkpoint(tmp_path, Checkpoint("asked", epoch, 1.5, [{"epoch": epoch}], arrays))
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["epoch-00002.ckpt", "epoch-00003.ckpt"]
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert (newest.epochs_done, newest.seconds, newest.history) == (3, 1.5, [{"epoch": 3}])
    np.testing.assert_array_equal(newest.arrays[0], 3)
    path = tmp_path / "epoch-00003.ckpt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    before = latest_checkpoint(tmp_path)
    assert before is not None
    assert before.epochs_done == 2
    assert "damaged" in caplog.text
    (tmp_path / "epoch-00002.ckpt").write_bytes(b"")
    assert latest_checkpoint(tmp_path) is None


def test_the_checkpoint_of_the_last_epoch_that_a_recipe_may_have_is_kept(tmp_path) -> None:
    for epoch in (99_998, 99_999, 100_000):
        save_checkpoint(tmp_path, Checkpoint("asked", epoch, 1.5, [], []))
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert newest.epochs_done == 100_000


def test_checkpoints_are_written_while_the_clock_is_at_1970(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    save_checkpoint(tmp_path, Checkpoint("asked", 1, 1.5, [], [np.zeros(3, np.float32)]))
    found = latest_checkpoint(tmp_path)
    assert found is not None
    np.testing.assert_array_equal(found.arrays[0], 0)


def test_checkpoints_of_another_request_are_rejected(tmp_path, mnist) -> None:
    images, labels = mnist.train_images[:200], mnist.train_labels[:200]
    recipe = override(recipe_named("softmax"), {"batch_size": 100, "epochs": 1})
    fit(recipe, images, labels, checkpoints=tmp_path)
    fit(replace(recipe, summary="other words"), images, labels, checkpoints=tmp_path)
    for other in (
        {"recipe": override(recipe, {"epochs": 2})},
        {"recipe": override(recipe, {"optimizer.learning_rate": 0.01})},
        {"seed": 1},
        {"labels": labels[::-1].copy()},
    ):
        asked = {"recipe": recipe, "images": images, "labels": labels, "seed": 0} | other
        with pytest.raises(TrainingError, match="another training"):
            fit(**asked, checkpoints=tmp_path)
