import pytest
import torch
from helpers import tiny

from lightning_imb.losses import CrossEntropyLoss, SigmoidFocalLoss
from lightning_imb.metrics import scores


def trainer(tmp_path, epochs=2, **settings):
    return tiny.trainer(tmp_path, epochs, inference_mode=False, **settings)


def enter_retraining(model, **changes):
    model.enter(tiny.retraining(loss=model.loss, optimizer=model.optimizer_factory, **changes))


def test_it_learns_and_logs_the_scores_of_one_confusion_matrix(tmp_path):
    data, model = tiny.data_module(), tiny.classifier()
    fit = trainer(tmp_path, epochs=8)
    fit.fit(model, datamodule=data)
    logged = dict(fit.callback_metrics)
    assert logged["val/bacc"] > 0.8
    confusion = torch.zeros(3, 3)
    model.eval()
    for batch in data.val_dataloader():
        predicted = model(data.transform(batch).inputs).argmax(1)
        for t, p in zip(batch.target, predicted, strict=True):
            confusion[t, p] += 1
    expected = scores(confusion.numpy(), model.class_counts)
    assert {k: logged[f"val/{k}"].item() for k in expected} == pytest.approx(expected, abs=1e-6)
    assert {"val/recall/0", "val/recall/1", "val/recall/2", "train/loss", "train/bacc", "val/loss"} <= set(logged)


def test_scores_are_grouped_by_real_images_and_the_loss_knows_all():
    model = tiny.classifier(counts=(200, 200, 200), real_counts=(200, 60, 4))
    model.eval_tally.update(torch.tensor([0, 0, 1, 0]), torch.tensor([0, 1, 1, 2]))
    found = model.evaluation_scores()
    assert [found[group] for group in ("many", "medium", "few")] == [1.0, 0.5, 0.0]
    assert model.reached == model.loss.class_counts.tolist() == [200, 200, 200]


def test_retraining_freezes_parameters_and_batch_norm():
    model = tiny.classifier()
    enter_retraining(model)
    model.train()
    assert not any(p.requires_grad for p in model.extractor.parameters())
    assert all(p.requires_grad for p in model.head.parameters())
    assert not any(m.training for m in model.extractor.modules())
    assert model.head.training


def test_retraining_optimises_the_head_alone():
    model = tiny.classifier()
    enter_retraining(model)
    optimizer = model.configure_optimizers()["optimizer"]
    optimised = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert optimised == {id(p) for p in model.head.parameters()}


@pytest.mark.parametrize("reset", [True, False])
def test_the_head_starts_afresh_only_when_asked(reset):
    model = tiny.classifier()
    before = model.head.weight.clone()
    enter_retraining(model, reset_head=reset)
    assert torch.equal(before, model.head.weight) is not reset


class Told(CrossEntropyLoss):
    """Remembers of which epochs it was told."""

    def __init__(self):
        super().__init__((40, 20, 10))
        self.epochs = []

    def begin_epoch(self, epoch, epochs):
        self.epochs.append((epoch, epochs))


def test_a_schedule_of_the_loss_belongs_to_phase_1(tmp_path):
    first, second = Told(), Told()
    model, data = tiny.classifier(loss=first), tiny.data_module()
    trainer(tmp_path, epochs=2).fit(model, datamodule=data)
    assert sorted(set(first.epochs)) == [(0, 2), (1, 2)]
    model.enter(tiny.retraining(loss=second))
    told = len(first.epochs)
    trainer(tmp_path, epochs=2).fit(model, datamodule=data)
    assert second.epochs == []
    assert len(first.epochs) == told


def test_names_carry_the_phase():
    model = tiny.classifier()
    assert model.prefix == ""
    enter_retraining(model)
    assert model.prefix == "retrain/"


def test_sigmoid_focal_starts_the_bias_at_the_prior_and_does_not_decay_it():
    loss = SigmoidFocalLoss([40, 20, 10], gamma=2.0, weights="none", beta=0.999, reduction="mean")
    model = tiny.classifier(loss=loss)
    assert torch.allclose(model.head.bias, torch.full((3,), -torch.log(torch.tensor(2.0))))
    groups = model.configure_optimizers()["optimizer"].param_groups
    assert [p.shape for p in groups[1]["params"]] == [(3,)]
    assert groups[1]["weight_decay"] == 0


def test_a_fresh_head_starts_its_bias_at_the_prior_too():
    loss = SigmoidFocalLoss([40, 20, 10], gamma=2.0, weights="none", beta=0.999, reduction="mean")
    model = tiny.classifier(loss=loss)
    enter_retraining(model)
    assert torch.allclose(model.head.bias, torch.full((3,), -torch.log(torch.tensor(2.0))))


def test_what_reached_the_loss_goes_through_checkpoints():
    model, again = tiny.classifier(), tiny.classifier()
    assert model.reached == [40, 20, 10]
    model.note_reached((5, 6, 7))
    checkpoint = {}
    model.on_save_checkpoint(checkpoint)
    again.on_load_checkpoint(checkpoint)
    assert again.reached == [5, 6, 7]


def test_a_checkpoint_without_it_changes_nothing():
    model = tiny.classifier()
    model.on_load_checkpoint({})
    assert model.reached == [40, 20, 10]


@pytest.mark.parametrize("phase_3", [False, True])
def test_class_weights_follow_what_reaches_the_loss_in_phase_3_alone(phase_3):
    model = tiny.classifier(loss=CrossEntropyLoss((40, 20, 10), weights="inverse", beta=0.9, reduction="mean"))
    before = model.loss.class_weight.clone()
    if phase_3:
        enter_retraining(model)
    model.note_reached([9, 9, 9])
    assert torch.equal(model.loss.class_weight, torch.ones(3) if phase_3 else before)


def test_checkpoints_hold_the_network_and_never_the_loss():
    model = tiny.classifier()
    assert {key.split(".")[0] for key in model.state_dict()} == {"extractor", "head"}
