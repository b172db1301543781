import numpy as np
import pytest
import torch
from helpers import tiny
from helpers.conf import composed
from hydra.utils import instantiate
from imblearn.over_sampling import SMOTE, RandomOverSampler

from lightning_imb.resampling import ClassWise
from lightning_imb.utils.errors import InputError


class Brightest:
    """Brings every class to the size of the largest with images of fractions, beyond both ends of 0..255."""

    def fit_resample(self, X, y):
        self.given = X.copy(), y.copy()
        missing = np.bincount(y).max() - np.bincount(y)
        made = np.linspace(-3, 257.6, X.shape[1], dtype=np.float32)
        return np.concatenate([X, np.tile(made, (missing.sum(), 1))]), np.concatenate([y, np.arange(3).repeat(missing)])


def ready(oversample, **changes):
    data = tiny.data_module(oversample=oversample, **changes)
    data.setup("fit")
    return data


@pytest.fixture(scope="module")
def plain():
    return ready(None)


def pixels(data, split="train"):
    return torch.cat([batch.inputs for batch in data.ordered_dataloader(split)])


def test_the_over_sampler_is_given_the_pixels_as_rows(plain):
    over_sampler = Brightest()
    ready(over_sampler)
    X, y = over_sampler.given
    assert X.dtype == np.float32
    assert np.array_equal(X.reshape(-1, 1, 8, 8), pixels(plain).numpy())
    assert np.array_equal(y, plain.target("train"))


def test_originals_come_first_and_synthetic_images_are_rounded_and_clipped(plain):
    data = ready(Brightest())
    whole, real = pixels(data), pixels(plain)
    assert whole.dtype == torch.uint8
    assert torch.equal(whole[: len(real)], real)
    wanted = [min(255, max(0, round(value))) for value in np.linspace(-3, 257.6, 64, dtype=np.float32).tolist()]
    assert all(image.flatten().tolist() == wanted for image in whole[len(real) :])
    assert whole.is_contiguous(memory_format=torch.channels_last)


def test_counts_names_and_report_follow(plain):
    data = ready(Brightest())
    assert plain.real_counts == plain.class_counts == data.real_counts == [32, 16, 8]
    assert data.class_counts == data.counts("train") == [32, 32, 32]
    assert (plain.synthetic, data.synthetic) == (0, 40)
    assert data.target("train")[56:].tolist() == [1] * 16 + [2] * 24
    assert data.names("train")[:56] == plain.names("train")
    assert data.names("train")[56:] == [
        *(f"synthetic/middle/{i}" for i in range(16)),
        *(f"synthetic/right/{i}" for i in range(24)),
    ]
    assert plain.oversample_report is None
    assert data.oversample_report == [
        {"label": 0, "n": 32, "generated": 0},
        {"label": 1, "n": 16, "generated": 16},
        {"label": 2, "n": 8, "generated": 24},
    ]


def test_the_report_is_that_of_the_over_sampler_where_it_has_one():
    over_sampler = ClassWise(SMOTE(), random_state=0)
    data = ready(over_sampler)
    assert data.oversample_report == over_sampler.report_
    assert [row["generated"] for row in data.oversample_report] == [0, 16, 24]


def test_validation_test_and_normalising_stay(plain):
    data = ready(Brightest(), mean="auto", std="auto")
    reference = ready(None, mean="auto", std="auto")
    assert torch.equal(data.transform.mean, reference.transform.mean)
    assert torch.equal(data.transform.std, reference.transform.std)
    for split in ("val", "test"):
        assert data.names(split) == plain.names(split)
        assert torch.equal(pixels(data, split), pixels(plain, split))


def test_training_shows_each_image_once_per_epoch():
    data = ready(Brightest(), pad=0)
    seen = torch.cat([batch.inputs for batch in data.train_dataloader()])
    assert len(seen) == 96
    assert torch.equal(*(images.flatten(1).long().sum(1).sort().values for images in (seen, pixels(data))))
    assert torch.cat([batch.target for batch in data.train_dataloader()]).bincount().tolist() == [32, 32, 32]


def test_a_class_of_one_image_is_copied():
    data = ready(ClassWise(SMOTE(), random_state=0), train=(12, 6, 1), val_size=0, monitor="test")
    assert data.class_counts == [12, 12, 12]
    images, target = pixels(data), data.target("train")
    assert len(images[target == 2].flatten(1).unique(dim=0)) == 1
    assert [row["fallback"] for row in data.oversample_report] == [None, None, "random"]


def test_nothing_is_made_of_balanced_classes():
    data = ready(ClassWise(SMOTE(), random_state=0), train=(10, 10, 10))
    assert data.class_counts == data.real_counts == [8, 8, 8]
    assert data.synthetic == 0


def test_images_are_those_of_the_random_state():
    first, again, other = (pixels(ready(ClassWise(SMOTE(), random_state=seed))) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_smote_stays_between_the_images_of_a_class(plain):
    data = ready(ClassWise(SMOTE(), random_state=0))
    for label in (1, 2):
        real = pixels(plain)[plain.target("train") == label]
        made = pixels(data)[56:][data.target("train")[56:] == label]
        assert ((made >= real.amin(0)) & (made <= real.amax(0))).all()


def test_streamed_images_are_refused():
    with pytest.raises(InputError, match=r"they are streamed: set dataset\.in_memory=true, or oversample=none"):
        ready(RandomOverSampler(), in_memory=False)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda X, y: (X[::-1], y[::-1]), "does not return the original images first"),
        (lambda X, y: (X[:-1], y[:-1]), "does not return the original images first"),
        (lambda X, y: (np.concatenate([X, X[:1] * np.nan]), np.append(y, 0)), "made pixels that are no numbers"),
    ],
)
def test_an_over_sampler_that_spoils_images_is_refused(result, said):
    over_sampler = type("Spoiling", (), {"fit_resample": staticmethod(result)})()
    with pytest.raises(InputError, match=f"oversample=Spoiling {said}"):
        ready(over_sampler)


def test_a_wrong_parameter_is_told_in_a_sentence():
    with pytest.raises(InputError, match=r"oversample cannot work \(.*k_neighbors.*\): set another oversample"):
        ready(SMOTE(k_neighbors=-1))


@pytest.mark.parametrize("option", ["random", "pixel_smote", "pixel_borderline_smote"])
def test_every_option_balances_the_images(option):
    over_sampler = instantiate(composed(f"oversample={option}").oversample)
    data = ready(over_sampler)
    assert data.class_counts == [32, 32, 32]


def test_synthetic_images_move_to_a_device_with_the_others(monkeypatch):
    data = ready(Brightest())
    monkeypatch.setattr(data, "fits_on", lambda device: True)
    data._place(torch.device("meta"))
    loader = data.ordered_dataloader("train")
    batches = [loader.dataset[request].inputs for request in loader.sampler]
    assert {images.device.type for images in batches} == {"meta"}
    assert sum(map(len, batches)) == 96


def test_transforms_of_single_images_see_synthetic_ones_too():
    seen = set()

    def note(image):
        seen.add(int(image.sum()))
        return image

    data = ready(Brightest(), per_image=[note])
    list(data.train_dataloader())
    assert seen >= {int(image.sum()) for image in pixels(data)[56:]}


def test_the_sampler_draws_from_all_of_them():
    data = ready(Brightest(), draw=lambda target, epoch, random: np.flatnonzero(target == 2))
    assert torch.cat([batch.target for batch in data.train_dataloader()]).tolist() == [2] * 32
