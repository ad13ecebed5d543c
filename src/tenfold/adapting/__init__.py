"""The verb adapt: a trained network fine-tuned on a few hundred digits of your own."""
