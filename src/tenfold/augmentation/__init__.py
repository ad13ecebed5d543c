"""What is done to training images: geometry, degradation, neighbors, non-digits."""
