"""Drawing and HTML shared by all reports; made of results, never of models."""
