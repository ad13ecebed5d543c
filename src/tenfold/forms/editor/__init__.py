"""The page on which the fields of a template are named, moved, drawn and given constraints."""
