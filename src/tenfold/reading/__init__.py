"""A picture to lines of digits, each with a confidence, or rejected."""
