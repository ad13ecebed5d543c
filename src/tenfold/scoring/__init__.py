"""A reader measured on pictures: corrupted digits, and sets of labeled pictures."""
