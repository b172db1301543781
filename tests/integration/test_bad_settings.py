"""Settings that cannot work: one sentence that names the value and the cure, before anything is trained."""

import functools

import pytest
import torch
from helpers import tiny
from helpers.runs import assert_refused, assert_refused_before_training, composed, trained

from lightning_imb import build
from lightning_imb.checks import rehearse
from lightning_imb.workflow import train

ERM = "method=erm"

SETTINGS = {
    # the data of digits
    "imbalance.ratio=0.5": ("imbalance.ratio=0.5", "at least 1"),
    "imbalance.ratio=500": ("imbalance.ratio=500", "leaves class", "at most 128"),
    "imbalance.ratio=abc": ("imbalance.ratio", "abc"),
    "imbalance=step imbalance.minority=2": ("imbalance.minority=2", "between 0 and 1"),
    "imbalance.selection=tail": ("imbalance.selection='tail'", "random or ldam_drw"),
    "imbalance.seed=-1": ("imbalance.seed", "-1"),
    "imbalance=natural imbalance.ratio=9": ("imbalance.ratio=9", "imbalance=exp"),
    "protocol.val_size=50": ("protocol.val_size=50", "class 3", "lower protocol.val_size"),
    "protocol.val_size=1.5": ("protocol.val_size=1.5", "between 0 and 1"),
    "protocol.val_size=-1": ("protocol.val_size=-1", "between 0 and 1"),
    "dataset.test_size=some": ("dataset.test_size", "some"),
    "dataset.split_seed=-1": ("dataset.split_seed", "-1"),
    "dataset.image_size=-3": ("dataset.image_size=-3",),
    "dataset.channels=2": ("dataset.channels=2", "1 (grey) or 3 (RGB)"),
    "dataset.in_memory=perhaps": ("dataset.in_memory", "perhaps"),
    "dataset.on_bad_image=ignore": ("dataset.on_bad_image", "ignore", "skip"),
    "dataset.augment.pad=-1": ("dataset.augment.pad", "-1"),
    "dataset.mean=[0.1,0.2]": ("dataset.mean=[0.1, 0.2]", "auto"),
    "dataset.std=0": ("dataset.std=[0]", "positive"),
    # the choice of the epoch
    "protocol.select=last_but_one": ("protocol.select", "last_but_one", "best_val"),
    "protocol.select=best_test": ("protocol.select=best_test", "protocol=paper"),
    "protocol=paper protocol.select=best_val": ("protocol.select=best_val", "protocol.val_size"),
    "protocol=paper protocol.select=best_test protocol.val_size=0.1": ("best_test", "protocol.val_size=0.1"),
    "protocol.monitor=accuracy": ("protocol.monitor", "accuracy", "top1"),
    "val_every=9 epochs=2": ("val_every=9", "epochs=2"),
    "method=eos retrain.val_every=99": ("retrain.val_every=99", "retrain.epochs=10"),
    # losses, heads and weights
    "loss=ldam model.head=linear": ("cosine head", "model.head=linear", "model.head=cosine"),
    "model.head=round": ("model.head", "round"),
    "reweight=drw loss.weights=inverse": ("loss.weights=inverse", "reweight=none"),
    "loss=class_balanced reweight=drw": ("loss.weights=effective", "reweight=none"),
    "reweight=drw reweight.kind=strong": ("strong", "inverse_sqrt"),
    "reweight=drw reweight.start=-3": ("start", "-3"),
    "reweight=drw reweight.beta=2": ("beta", "2"),
    "reweight=drw reweight.start=160": ("reweight.start=160", "epochs=30"),
    "reweight=drw reweight.start=1.0": ("reweight.start=1.0", "never reached", "epochs=30"),
    "loss=influence_balanced loss.start=100": ("loss.start=100", "never reached", "epochs=30"),
    "loss=label_smoothing loss.start=30": ("loss.start=30", "never reached", "epochs=30"),
    "method=ride loss.start=31": ("loss.start=31", "never reached", "epochs=30"),
    "sampler=drs sampler.start=30": ("sampler.start=30", "never reached", "epochs=30"),
    "loss=ldam loss.scale=10": ("loss.scale=10", "model.head_scale=30"),
    "protocol=paper method=eos retrain.start_from=best": ("retrain.start_from=best", "best_test"),
    "scheduler=cosine scheduler.warmup_epochs=-3": ("warmup_epochs", "-3"),
    "loss.weights=[1,2]": ("class weights", "10 classes"),
    "loss.weights=heavy": ("heavy", "inverse"),
    "loss=focal loss.gamma=-1": ("gamma", "-1"),
    "method=eos loss@retrain.loss=ldam": (
        "retrain.loss",
        "cosine",
        "phase 1 trains a linear head",
        "model.head=cosine",
    ),
    "method=eos retrain.start_from=middle": ("retrain.start_from", "middle"),
    "method=eos retrain.counts=none": ("retrain.counts", "none", "balanced"),
    # numbers
    "epochs=0": ("epochs", "0", "at least 1"),
    "epochs=1.5": ("epochs", "1.5"),
    "batch_size=0": ("batch_size", "0"),
    "eval_batch_size=0": ("eval_batch_size", "0"),
    "method=eos retrain.epochs=0": ("retrain.epochs", "0"),
    "method=eos retrain.batch_size=-5": ("retrain.batch_size", "-5"),
    "seed=-1": ("seed", "-1"),
    "seed=4294967296": ("seed=4294967296", "4294967295"),
    "threads=0": ("threads", "0"),
    "num_workers=-1": ("num_workers", "-1"),
    "num_workers=many": ("num_workers", "many"),
    "memory_limit_gb=lots": ("memory_limit_gb", "lots"),
    "callbacks.log_lines=0": ("callbacks.log_lines", "0"),
    "callbacks.nan_check_every=0": ("callbacks.nan_check_every", "0"),
    "optimizer.lr=-1": ("optimizer", "learning rate: -1"),
    "optimizer.lr=fast": ("optimizer", "lr=fast"),
    "optimizer.betas=[2,3]": ("optimizer", "beta"),
    "method=eos retrain.optimizer.lr=-2": ("retrain.optimizer", "learning rate: -2"),
    "scheduler=warmup_multistep scheduler.milestones=[0.9,0.3]": ("scheduler.milestones", "ascend"),
    # networks
    "model=torchvision model.extractor.name=resnet19": ("resnet19", "resnet18"),
    "model=torchvision model.extractor.weights=BEST_EVER": ("model.extractor", "BEST_EVER"),
    "model=torchvision model.extractor.name=alexnet": ("1 x 8 x 8", "dataset.image_size", "another model"),
    "model=torchvision batch_size=1": ("1 images of 1 x 8 x 8", "batch_size"),
    "model.extractor.in_channels=3": ("1 x 8 x 8", "3 channels"),
    "model=resnet32 model.extractor.depth=33": ("33", "6n+2"),
    # over-samplers: found before phase 1
    "method=eos resampler.k=0": ("resampler", "'k'", "Got 0"),
    "method=eos resampler.r_range=[1.0,0.5]": ("r_range", "0 <= low <= high <= 1"),
    "method=eos resampler.enemy=worst": ("resampler", "worst", "nearest"),
    "method=smote resampler.sampler.k_neighbors=0": ("resampler", "'k_neighbors'", "Got 0"),
    "method=smote resampler.sampling_strategy=more": ("resampler", "'more'"),
    "method=eos +resampler.sampling_strategy={0:3}": ("resampler", "3 samples are asked"),
    # devices and where results go
    "accelerator.precision=bf16-true": ("accelerator.precision", "bf16-mixed"),
    "accelerator.devices=0": ("accelerator", "devices=0"),
    "accelerator.strategy=magic": ("accelerator", "magic"),
    "resume=maybe": ("resume", "maybe", "never"),
    "logger=wandb logger.wandb.mode=loud": ("loud", "offline"),
    # switches: a word would count as true
    "method=eos retrain.enabled=off": ("retrain.enabled", "true or false", "'off'"),
    "dataset.augment.flip=no": ("dataset.augment.flip", "true or false", "'no'"),
    "log_per_class=off": ("log_per_class", "auto, true or false", "'off'"),
    # heads adjusted after training
    "oversample=pixel_smote posthoc=weight_rescaling": ("posthoc=weight_rescaling changes nothing", "posthoc=none"),
}


@pytest.mark.parametrize("overrides", SETTINGS)
def test_a_setting_that_cannot_work_is_refused_before_training(tmp_path, overrides):
    given = overrides.split()
    method = [] if any(o.startswith("method=") for o in given) else [ERM]
    cfg = [o for o in given if not o.startswith("logger=")]
    if cfg == given:
        assert_refused_before_training(tmp_path / "run", SETTINGS[overrides], *method, *given)
    else:  # the logger is made last of all, and a folder it has been given to may remain
        whole = composed(*method, *given, f"run_dir={tmp_path / 'run'}", "callbacks=quiet", "epochs=1")
        assert_refused(lambda: train(whole), *SETTINGS[overrides])
        assert not (tmp_path / "run" / "checkpoints").exists()


def test_the_rehearsal_leaves_weights_and_random_numbers_alone():
    model = tiny.classifier()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    rehearse(model, None, (1, 8, 8), batch_size=16, epochs=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


# --- a loss that is no number any more


def test_a_loss_that_explodes_at_once_leaves_no_checkpoint_and_says_so(tmp_path):
    sentence = assert_refused(
        lambda: trained(tmp_path / "run", ERM, "optimizer.lr=1e30"), "epoch 0, batch", "lower optimizer.lr"
    )
    assert "no checkpoint" in sentence
    assert not list(tmp_path.rglob("*.ckpt"))
    assert not (tmp_path / "run" / "metrics.json").exists()


class Detonate(torch.optim.SGD):
    """Harmless for a number of steps; the last one breaks the weights after a loss that was a number."""

    def __init__(self, params, lr, steps):
        super().__init__(params, lr)
        self.left = steps

    def step(self, closure=None):
        loss = super().step(closure)
        self.left -= 1
        if self.left == 0:
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.data.fill_(float("nan"))
        return loss


@pytest.mark.parametrize(
    ("steps", "epoch", "batch"), [(14, 1, 6), (16, 2, 2), (21, 2, 6)]
)  # an epoch has 7 batches; broken weights show in the loss of the next batch, or at the end of the epoch
def test_a_loss_that_explodes_later_keeps_the_last_good_checkpoint(tmp_path, monkeypatch, steps, epoch, batch):
    make = build.create
    explosive = functools.partial(Detonate, lr=0.01, steps=steps)
    monkeypatch.setattr(build, "create", lambda node, key: explosive if key == "optimizer" else make(node, key))
    sentence = assert_refused(lambda: trained(tmp_path / "run", ERM, "epochs=4"), "NaN")
    assert f"epoch {epoch}, batch {batch} " in sentence
    assert f"up to epoch {epoch - 1} are kept" in sentence
    kept = torch.load(tmp_path / "run" / "checkpoints" / "represent" / "last.ckpt", weights_only=True)
    assert kept["epoch"] == epoch - 1
    assert all(torch.isfinite(v).all() for v in kept["state_dict"].values() if v.is_floating_point())


def test_phase_3_names_its_own_learning_rate(tmp_path):
    sentence = assert_refused(
        lambda: trained(tmp_path / "run", "epochs=1", "retrain.optimizer.lr=1e38"),
        "phase 3",
        "lower retrain.optimizer.lr",
    )
    assert "no checkpoint" in sentence
    assert (tmp_path / "run" / "checkpoints" / "represent" / "last.ckpt").is_file()
    assert not (tmp_path / "run" / "checkpoints" / "retrain").exists()
