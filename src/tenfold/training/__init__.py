"""Training: the verb, the compiled loop, batches, optimizers, checkpoints, the report."""
