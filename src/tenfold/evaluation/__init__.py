"""Figures from labels and probabilities: metrics, significance, corruptions."""
