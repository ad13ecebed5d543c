"""Keras: backend, networks built from recipes, batch normalization, deskewing."""
