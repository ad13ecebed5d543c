"""`train --seconds`: the best known recipe for a training time."""

import argparse

import pytest

from tenfold.cli.main import main
from tenfold.cli.train import add_options
from tenfold.errors import UsageError
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import check_recipe
from tenfold.recipes.serialization import override
from tenfold.training import budget
from tenfold.training.budget import FAST_IMAGES_PER_SECOND, LADDER, Speed, fill, recipe_within


@pytest.mark.parametrize(
    ("seconds", "speed", "images", "expected"),
    [
        (1.4, Speed(0.4, 50_000), 60_000, (1, 50_000)),
        (10.4, Speed(0.4, 30_000), 60_000, (5, 60_000)),
        (7.4, Speed(0.4, 30_000), 60_000, (4, 52_500)),
        (3.2, Speed(0.4, 30_000), 60_000, (2, 42_000)),  # one of 60,000 would leave time
        (7.4, Speed(0.4, 30_000), 20_000, (11, 19_090)),
    ],
)
def test_epochs_fill_the_time(
    seconds: float, speed: Speed, images: int, expected: tuple[int, int]
) -> None:
    filled = fill(recipe_named("fast"), seconds, speed, images)
    check_recipe(filled)
    trained = filled.epochs * min(filled.epoch_images, images)
    assert (filled.epochs, filled.epoch_images) == pytest.approx(expected, abs=1)
    assert trained == pytest.approx((seconds - speed.start_seconds) * speed.images_per_second, 0.12)


def test_fewer_images_than_a_step_takes_are_refused() -> None:
    with pytest.raises(UsageError, match="99 training images: fast takes 250 at a time"):
        fill(recipe_named("fast"), 5.0, Speed(0.4, 30_000), images=99)


def test_hard_examples_keep_their_short_epochs() -> None:
    recipe = override(recipe_named("standard"), {"hard_examples": True, "epoch_images": 12_500})
    filled = fill(recipe, 20.4, Speed(0.4, 10_000))
    assert (filled.epochs, filled.epoch_images) == (16, 12_500)
    filled = fill(recipe, 20.4, Speed(0.4, 10_100), images=2_000)
    assert (filled.epochs, filled.epoch_images) == (101, 2_000)


def test_more_time_takes_a_higher_rung_and_a_slower_machine_a_lower_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def machine(slower: float) -> None:
        speed = Speed(0.1, FAST_IMAGES_PER_SECOND / slower)
        monkeypatch.setattr(budget, "measure_speed", lambda recipe, _=0: speed)

    machine(1)
    chosen = [recipe_within(rung.from_seconds + 0.24) for rung in LADDER]
    assert [one.name for one in chosen] == [rung.recipe for rung in LADDER]
    machine(100)
    assert recipe_within(LADDER[-1].from_seconds + 1).name == "fast"


def test_rungs_are_in_order_and_train_as_they_are() -> None:
    starts = [rung.from_seconds for rung in LADDER]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    for rung in LADDER:
        check_recipe(override(recipe_named(rung.recipe), rung.settings))


def test_short_trainings_take_enough_steps_for_batch_normalization() -> None:
    """With a tenth of the images of `fast`, its batches of 250 are 14 steps: 30% right."""
    speed = Speed(0.4, FAST_IMAGES_PER_SECOND)
    for rung in LADDER[1:4]:
        recipe = override(recipe_named(rung.recipe), rung.settings)
        filled = fill(recipe, speed.start_seconds + rung.from_seconds, speed)
        assert filled.epoch_images / filled.batch_size > 100


def test_a_rung_that_turns_out_slow_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other work slowed the machine down after its first measurement."""
    speeds = iter([Speed(0.1, FAST_IMAGES_PER_SECOND), Speed(0.1, 4_000), Speed(0.1, 20_000)])
    monkeypatch.setattr(budget, "measure_speed", lambda recipe, _=0: next(speeds))
    chosen = recipe_within(LADDER[3].from_seconds + 0.01)
    assert chosen == fill(
        override(recipe_named(LADDER[2].recipe), LADDER[2].settings),
        LADDER[3].from_seconds + 0.01,
        Speed(0.1, 20_000),
    )


@pytest.mark.long
@pytest.mark.usefixtures("tensorflow")
def test_the_speed_is_that_of_a_training() -> None:
    speed = budget.measure_speed(recipe_named("softmax"))
    assert speed.start_seconds > 0
    assert speed.images_per_second > 1000
    with pytest.raises(UsageError, match="needs at least"):
        recipe_within(0.001)


@pytest.mark.parametrize(
    "words",
    [
        ["--seconds", "5", "--recipe", "fast"],
        ["--seconds", "0"],
        ["--seconds", "nan"],
        ["--seconds", "5", "--minutes", "1"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", *words])
    assert stopped.value.code == 2
    assert "seconds" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "soon"])
def test_wrong_minutes(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", f"--minutes={minutes}"])
    assert stopped.value.code == 2
    assert f"{minutes} is not a number of minutes" in capsys.readouterr().err.splitlines()[-1]


def test_minutes_are_sixty_seconds() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = parser.parse_args(["--minutes", "0.5"])
    assert options.seconds == 30
