"""A search for better settings: space, study, workers, results, the report."""
