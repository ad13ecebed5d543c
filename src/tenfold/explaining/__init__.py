"""What a network learned, and why it answers as it does."""
