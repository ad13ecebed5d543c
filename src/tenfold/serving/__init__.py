"""The HTTP server: a page to draw on, and an API."""
