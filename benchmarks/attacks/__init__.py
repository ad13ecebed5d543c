"""What the parts of benchmarks/reliability.py do to tenfold, a module each."""
