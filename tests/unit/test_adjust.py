"""Post-hoc methods on a trained network: what they look at, and where their head is kept."""

import logging

import pytest
import pytorch_lightning as pl
import torch
from helpers import tiny
from helpers.runs import composed

from lightning_imb.adjust import (
    FILE,
    adjust_head,
    build_posthoc,
    check_posthoc,
    prior_of_logits,
    put_back_head,
    summary,
    write_head,
)
from lightning_imb.callbacks.phase_switch import extract
from lightning_imb.losses import (
    CDTLoss,
    ClassBalancedLoss,
    CrossEntropyLoss,
    InfluenceBalancedLoss,
    LADELoss,
    LDAMLoss,
    LogitAdjustmentLoss,
    RIDELoss,
    SADELoss,
    SigmoidFocalLoss,
    VSLoss,
    class_weights,
)
from lightning_imb.metrics import known_prior_shift
from lightning_imb.models.embedding_transform import EmbeddingTransform
from lightning_imb.models.heads import CosineHead
from lightning_imb.phases import Phase
from lightning_imb.posthoc import LogitAdjustment, NearestClassMean, NoAdjustment, TauNorm, Temperature
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError

COUNTS = (40, 20, 10)
UNIFORM = [1 / 3] * 3


@pytest.fixture(scope="module")
def trainer():
    return pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)


@pytest.fixture
def data():
    module = tiny.data_module()
    module.setup("fit")
    return module


@pytest.fixture
def asked(data, monkeypatch):
    """The splits whose images are embedded."""
    splits, loader = [], data.ordered_dataloader
    monkeypatch.setattr(data, "ordered_dataloader", lambda split: splits.append(split) or loader(split))
    return splits


# --- a trained network gets another head


def trained_with(loss, reached):
    """A network whose head was trained with a loss on so many samples per class."""
    model = tiny.classifier(loss=loss)
    model.note_reached(reached)
    return model


@pytest.mark.parametrize(
    ("method", "splits"),
    [
        (TauNorm("search"), ["val"]),
        (Temperature("search"), ["val"]),
        (NearestClassMean(), ["train"]),
        (LogitAdjustment(1.0), []),
        (NoAdjustment(), []),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_method_embeds_only_what_it_needs_and_never_test_images(trainer, data, asked, method, splits):
    report = adjust_head(method, tiny.classifier(), data, trainer)
    assert asked == splits
    assert report["posthoc"] == method.name


def test_the_new_head_is_made_of_the_training_images_of_evaluation(trainer, data):
    model = tiny.classifier()
    z, target = extract(model, data, "train")
    adjust_head(NearestClassMean("un"), model, data, trainer)
    means = torch.stack([z[target == k].mean(0) for k in range(3)])
    assert torch.allclose(model.head.centroids, means, atol=1e-6)


def test_embeddings_are_those_that_the_head_reads(trainer, data):
    model = tiny.classifier()
    z, target = extract(model, data, "train")
    model.after = EmbeddingTransform(normalize=True, tukey=0.5)
    adjust_head(NearestClassMean("un"), model, data, trainer)
    means = torch.stack([model.after(z)[target == k].mean(0) for k in range(3)])
    assert torch.allclose(model.head.centroids, means, atol=1e-6)


def test_the_extractor_and_its_batch_norm_stay(trainer, data):
    model = tiny.classifier().train()
    before = {name: value.clone() for name, value in model.extractor.state_dict().items()}
    adjust_head(TauNorm("search"), model, data, trainer)
    assert all(torch.equal(value, before[name]) for name, value in model.extractor.state_dict().items())
    assert model.training


def test_without_adjustment_the_head_is_the_same_object(trainer, data):
    model = tiny.classifier()
    head = model.head
    adjust_head(NoAdjustment(), model, data, trainer)
    assert model.head is head


# --- refused before training


def test_a_search_needs_the_validation_images_of_the_protocol():
    data = tiny.data_module(val_size=0, monitor="test")
    data.setup("fit")
    model = tiny.classifier()
    check_posthoc(TauNorm(0.5), model.head, model.loss, COUNTS, data)
    with pytest.raises(InputError, match="protocol=holdout"):
        check_posthoc(TauNorm("search"), model.head, model.loss, COUNTS, data)


def test_what_the_head_or_the_loss_rules_out_is_refused(data, asked):
    model = tiny.classifier()
    with pytest.raises(InputError, match="CosineHead"):
        check_posthoc(TauNorm(1), CosineHead(16, 3, scale=30), model.loss, COUNTS, data)
    with pytest.raises(InputError, match="adjusted already"):
        check_posthoc(LogitAdjustment(1), model.head, LogitAdjustmentLoss(COUNTS), COUNTS, data)
    with pytest.raises(InputError, match="adjusted already"):
        check_posthoc(LogitAdjustment(1), model.head, model.loss, (40, 40, 40), data)
    check_posthoc(LogitAdjustment(1), model.head, model.loss, COUNTS, data)
    check_posthoc(TauNorm("search"), model.head, LogitAdjustmentLoss(COUNTS), COUNTS, data)
    assert asked == []


# --- what a loss leaves of the prior


def geometric_mean(*shares):
    product = torch.stack([torch.as_tensor(share, dtype=torch.float64) for share in shares]).log().mean(0).exp()
    return (product / product.sum()).tolist()


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (tiny.loss(COUNTS), [4 / 7, 2 / 7, 1 / 7]),
        (LogitAdjustmentLoss(COUNTS), UNIFORM),
        (LogitAdjustmentLoss(COUNTS, tau=0), [4 / 7, 2 / 7, 1 / 7]),
        (LogitAdjustmentLoss(COUNTS, tau=0.5), [2 / (3 + 2**0.5), 2**0.5 / (3 + 2**0.5), 1 / (3 + 2**0.5)]),
        (LogitAdjustmentLoss(COUNTS, target_prior=[1, 1, 2]), [0.25, 0.25, 0.5]),
        (VSLoss(COUNTS), UNIFORM),
        (VSLoss(COUNTS, gamma=0, tau=0), [4 / 7, 2 / 7, 1 / 7]),
        (CDTLoss(COUNTS), UNIFORM),
        (LADELoss(COUNTS), UNIFORM),
        # the first expert keeps the prior, the second none of it, the third twice the opposite one
        (SADELoss(COUNTS, tau=2.0), geometric_mean([4, 2, 1], [1, 1, 1], [1, 4, 16])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_prior_that_plain_logits_predict_for(loss, expected):
    assert prior_of_logits(trained_with(loss, COUNTS)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (tiny.loss(COUNTS), [0.25, 0.25, 0.5]),
        (LogitAdjustmentLoss(COUNTS), [1 / 11, 2 / 11, 8 / 11]),  # another prior came than the one it takes out
        (LogitAdjustmentLoss(COUNTS, tau=0), [0.25, 0.25, 0.5]),
        (SADELoss((7, 7, 7)), [0.25, 0.25, 0.5]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_prior_is_that_of_what_reached_the_loss(loss, expected):
    assert prior_of_logits(trained_with(loss, [10, 10, 20])) == pytest.approx(expected, abs=1e-6)


# --- class weights


GAUSSIANS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])  # their means; their standard deviation is 1
LONG_TAIL = (3000, 300, 60)


def drawn(counts, seed):
    target = torch.arange(3).repeat_interleave(torch.tensor(counts))
    noise = torch.randn(len(target), 2, generator=torch.Generator().manual_seed(seed))
    return GAUSSIANS[target] + noise, target


def fitted_logits(loss, x):
    """Logits of a linear network that minimises a loss on the long tail."""
    head = torch.nn.Linear(2, 3)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")
    images, target = drawn(LONG_TAIL, seed=0)

    def closure():
        optimizer.zero_grad()
        value = loss(head(images), target)
        value.backward()
        return value

    optimizer.step(closure)
    return head(x).detach()


def drw(counts):
    """Cross entropy as deferred re-weighting leaves it."""
    loss = tiny.loss(counts)
    loss.set_class_weight(class_weights(counts, "effective", 0.9999))
    return loss


@pytest.mark.parametrize(
    "loss",
    [
        tiny.loss(LONG_TAIL),
        CrossEntropyLoss(LONG_TAIL, weights="inverse"),
        CrossEntropyLoss(LONG_TAIL, weights="inverse_sqrt", reduction="mean"),
        CrossEntropyLoss(LONG_TAIL, weights=[1, 2, 50]),
        ClassBalancedLoss(LONG_TAIL, base="softmax"),
        LogitAdjustmentLoss(LONG_TAIL, weights="inverse"),
        drw(LONG_TAIL),
    ],
    ids=lambda loss: f"{type(loss).__name__} {loss.class_weight.tolist()}",
)
def test_logits_of_a_weighted_loss_that_are_told_a_prior_come_close_to_bayes(loss):
    x, target = drawn((2000, 2000, 2000), seed=1)
    best = (torch.cdist(x, GAUSSIANS).argmin(1) == target).double().mean().item()
    prior = prior_of_logits(trained_with(loss, LONG_TAIL))
    told = known_prior_shift(fitted_logits(loss, x), target, LONG_TAIL, prior)
    assert told["uniform"] == pytest.approx(best, abs=0.01)


def test_weights_act_beside_a_sampler():
    loss = CrossEntropyLoss(COUNTS, weights=[1, 1, 4])
    assert prior_of_logits(trained_with(loss, [10, 10, 20])) == pytest.approx([0.1, 0.1, 0.8])


def test_balanced_phase_3_has_neither_a_prior_nor_weights():
    model = trained_with(CrossEntropyLoss(COUNTS, weights="inverse"), COUNTS)
    model.phase = Phase.RETRAIN
    model.note_reached([40, 40, 40])
    assert prior_of_logits(model) == pytest.approx(UNIFORM)


def test_margins_and_sigmoids_keep_the_prior_of_the_weighted_samples():
    for loss in (LDAMLoss(COUNTS, weights="inverse"), SigmoidFocalLoss(COUNTS, weights="inverse")):
        assert prior_of_logits(trained_with(loss, COUNTS)) == pytest.approx(UNIFORM)


@pytest.mark.parametrize("loss", [RIDELoss(COUNTS, weights="inverse", start=5), InfluenceBalancedLoss(COUNTS, start=5)])
def test_weights_that_a_loss_holds_back_do_not_count_yet(loss):
    loss.begin_epoch(4, 10)
    assert prior_of_logits(trained_with(loss, COUNTS)) == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    loss.begin_epoch(5, 10)
    assert prior_of_logits(trained_with(loss, COUNTS)) == pytest.approx(UNIFORM)


def test_logits_of_a_class_that_weighs_nothing_cannot_be_told_a_prior():
    assert prior_of_logits(trained_with(CrossEntropyLoss(COUNTS, weights=[1, 1, 0]), COUNTS)) is None


def test_post_hoc_logit_adjustment_takes_the_prior_of_the_samples(trainer, data):
    model = trained_with(CrossEntropyLoss(COUNTS, weights="inverse"), COUNTS)
    z = torch.randn(20, 16)
    before = model.head(z)
    adjust_head(LogitAdjustment(1.0), model, data, trainer)
    expected = before - torch.tensor([4.0, 2.0, 1.0]).log()
    assert torch.allclose(model.head(z).softmax(1), expected.softmax(1), atol=1e-6)


def test_a_head_is_adjusted_for_what_reached_its_loss(trainer, data):
    model = tiny.classifier()
    model.note_reached([10, 10, 20])
    z = torch.randn(20, 16)
    before = model.head(z)
    adjust_head(LogitAdjustment(1.0), model, data, trainer)
    expected = before - torch.tensor([0.25, 0.25, 0.5]).log()
    assert torch.allclose(model.head(z).softmax(1), expected.softmax(1), atol=1e-6)


# --- kept beside the checkpoints


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def cfg(option="tau_norm"):
    return composed(f"posthoc={option}", "run_dir=run")


def adjusted(trainer, data, method):
    model = tiny.classifier()
    adjust_head(method, model, data, trainer)
    return model.head


@pytest.mark.parametrize("method", [TauNorm("search"), LogitAdjustment(1.0), NearestClassMean()], ids=lambda m: m.name)
def test_a_kept_head_is_put_back(trainer, data, run, method):
    head = adjusted(trainer, data, method)
    write_head(run, head, Phase.REPRESENT, "best")
    model = tiny.classifier()
    assert put_back_head(model, run, cfg(), Phase.REPRESENT, "best")
    z = torch.randn(20, 16)
    assert torch.equal(model.head(z), head(z))


@pytest.mark.parametrize(("phase", "kind"), [(Phase.REPRESENT, "best"), (Phase.RETRAIN, "last")])
def test_the_head_of_another_checkpoint_is_not(trainer, data, run, caplog, phase, kind):
    write_head(run, adjusted(trainer, data, TauNorm(1)), Phase.RETRAIN, "best")
    model = tiny.classifier()
    head = model.head
    with caplog.at_level(logging.WARNING):
        assert not put_back_head(model, run, cfg(), phase, kind)
    assert model.head is head
    assert "belongs to checkpoint best of phase retrain: this network is as trained" in caplog.text


def test_a_run_without_a_method_has_nothing_to_put_back(run):
    assert not put_back_head(tiny.classifier(), run, cfg("none"), Phase.REPRESENT, "best")


def test_a_missing_or_damaged_head_is_refused(run):
    with pytest.raises(InputError, match=f"there is no .*{FILE}.*train the run again"):
        put_back_head(tiny.classifier(), run, cfg(), Phase.REPRESENT, "best")
    run.checkpoints.mkdir(parents=True)
    (run.checkpoints / FILE).write_bytes(b"half a file")
    with pytest.raises(InputError, match=f"{FILE} is damaged"):
        put_back_head(tiny.classifier(), run, cfg(), Phase.REPRESENT, "best")


# --- configs and words


def test_a_bad_setting_is_one_sentence():
    with pytest.raises(InputError, match=r"posthoc\.tau is 'auto'; give a number, or search"):
        build_posthoc(composed("posthoc=tau_norm", "posthoc.tau=auto", "run_dir=run").posthoc)


def test_a_report_in_words(trainer, data):
    report = adjust_head(TauNorm("search", [0, 0.25]), tiny.classifier(), data, trainer)
    assert summary(report) in [f"posthoc tau_norm, tau {tau}, bias drop, searched on val" for tau in ("0", "0.25")]
    assert summary({"posthoc": "ncm", "mode": "cl2n", "searched_on": None}) == "posthoc ncm, mode cl2n"
