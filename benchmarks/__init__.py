"""Speed and memory against peers: every figure is a ratio to a baseline measured in turns with it."""
