import torch
from helpers import tiny
from pytorch_lightning import Trainer

from lightning_imb.callbacks.predictions import CollectPredictions


def test_logits_and_targets_come_in_the_order_of_the_set_and_of_the_last_run_alone(tmp_path):
    data, model, collect = tiny.data_module(eval_batch_size=7), tiny.classifier(), CollectPredictions()
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[collect],
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=tmp_path,
    )
    for split in ("train", "test"):
        data.test_split = split
        trainer.test(model, datamodule=data, verbose=False)
    images = torch.cat([data.transform(batch).inputs for batch in data.ordered_dataloader("test")])
    assert collect.targets.tolist() == data.target("test").tolist()
    assert torch.allclose(torch.from_numpy(collect.logits), model.eval()(images), atol=1e-5)
