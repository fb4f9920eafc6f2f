"""Rules about people: a tree of conditions, kept as JSON, compiled to one SQL condition."""
