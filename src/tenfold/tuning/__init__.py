"""Searching for good settings: the space, the study, its storage, the workers, the results."""
