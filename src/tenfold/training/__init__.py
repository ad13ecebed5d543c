"""Training: one loop of compiled steps, with checkpoints to go on from."""
