"""Ten epochs of phase 3 against a Lightning fit over a DataLoader of a TensorDataset."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn

EPOCHS = 10


def loader_fit(turn: Turn, settings: Settings, rows: int) -> None:
    """A naive module with a linear layer on embeddings, batches of 128 collated row by row."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from benchmarks.naive import QuietModule, naive_trainer
    from benchmarks.product import FitTurn

    z, y = torch.rand(rows, 64), torch.arange(rows) % 10
    loader = DataLoader(TensorDataset(z, y), batch_size=128, shuffle=True)
    while True:
        trainer = naive_trainer(settings, EPOCHS, [FitTurn(turn, {"steps": EPOCHS * len(loader)})])
        trainer.fit(QuietModule(torch.nn.Linear(64, 10)), loader)


def ours(turn: Turn, settings: Settings, rows: int) -> None:
    """Phase 3 of a run whose resampler fills up to that many rows."""
    from benchmarks.product import FitTurn, attach, prepare

    while True:
        run = prepare(
            settings,
            "method=retrain",
            "resampler._target_=benchmarks.resampler.FillUp",
            f"+resampler.rows={rows}",
            f"retrain.epochs={EPOCHS}",
            "epochs=1",
            few=True,
        )
        run.fits.represent(run.model)
        attach(run.model, FitTurn(turn, run.facts))
        run.fits.retrain(run.model)


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair; starting the fits is not counted."""
    rows = settings.size(50_000, 1000)
    return [
        Pair(
            f"phase 3, {EPOCHS} epochs of {rows:,} x 64",
            Side("Lightning, DataLoader of a TensorDataset", loader_fit, {"rows": rows}),
            Side("lightning_imb, phase 3", ours, {"rows": rows}, product=True),
            target=10.0,
        )
    ]


CASE = Case("phase 3 against a Lightning fit over a DataLoader", pairs)
