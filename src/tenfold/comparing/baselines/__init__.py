"""Classifiers of scikit-learn and LightGBM, behind the one interface."""
