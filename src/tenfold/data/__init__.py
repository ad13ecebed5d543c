"""Data sets: MNIST fetched and verified, label errors known to people, a sheet of samples."""
