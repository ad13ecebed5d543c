"""The verbs that string the stages together."""
