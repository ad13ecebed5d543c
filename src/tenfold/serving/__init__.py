"""HTTP: the page, and an API for machines."""
