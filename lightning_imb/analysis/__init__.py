"""What is inside a trained network, from arrays: pure functions, usable without a run."""
