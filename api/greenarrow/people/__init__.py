"""Lists, fields, subscribers, imports, segments and suppressions, as GreenArrow Studio's clients know them."""
