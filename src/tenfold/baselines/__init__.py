"""Classifiers of scikit-learn and LightGBM, behind the one interface."""

from tenfold.baselines.baseline import Baseline as Baseline
from tenfold.baselines.baseline import fit_baseline as fit_baseline
from tenfold.baselines.kinds import BASELINES as BASELINES
from tenfold.baselines.kinds import BaselineSettings as BaselineSettings
