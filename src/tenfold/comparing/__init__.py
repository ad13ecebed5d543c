"""Several classifiers on the same images, and labels that the images contradict."""
