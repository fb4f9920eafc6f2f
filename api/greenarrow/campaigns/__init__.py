"""Campaigns, as GreenArrow Studio's clients know them."""
