"""Figures and pages made of results, never of models."""
