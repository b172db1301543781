import pytest

from lightning_imb.utils.checked import epoch_of, start_of
from lightning_imb.utils.errors import InputError

either = pytest.mark.parametrize("resolve", [epoch_of, start_of])


@either
@pytest.mark.parametrize(
    ("moment", "epochs", "epoch"),
    [(0.8, 200, 160), (0.29, 100, 29), (0.0, 50, 0), (160, 200, 160), (1, 50, 1), (0, 50, 0), (0, 1, 0), (0.4, 1, 0)],
)
def test_an_epoch_is_itself_and_a_share_is_one_of_the_epochs(resolve, moment, epochs, epoch):
    assert resolve("start", moment, epochs) == epoch


@either
@pytest.mark.parametrize("moment", [-1, -0.5, 1.5, 160.0, float("nan"), "late", None, True])
def test_what_is_neither_is_refused(resolve, moment):
    with pytest.raises(InputError, match=r"reweight\.start is"):
        resolve("reweight.start", moment, 200)


def test_a_moment_may_be_the_end_of_the_training():
    assert epoch_of("mix.end", 1.0, 200) == epoch_of("mix.end", 0.999, 200) == 200


@pytest.mark.parametrize(("share", "epochs"), [(0.8, 1), (0.8, 2), (0.999, 200), (0.5, 1)])
def test_a_share_that_rounds_to_the_end_starts_in_the_last_epoch(share, epochs):
    assert start_of("loss.start", share, epochs) == epochs - 1


@pytest.mark.parametrize(("start", "epochs"), [(30, 30), (100, 30), (1, 1), (1.0, 30)])
def test_a_start_after_the_last_epoch_is_refused(start, epochs):
    with pytest.raises(InputError, match=rf"loss\.start={start} is never reached in epochs={epochs}: lower it"):
        start_of("loss.start", start, epochs)
