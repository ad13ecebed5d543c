"""Training: one loop over Keras fit, with checkpoints to go on from."""
