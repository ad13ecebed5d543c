"""Review of answers in the browser: doubtful fields first, or a random sample."""
