"""What is done to training images: geometry, degradation, neighbours, non-digits."""
