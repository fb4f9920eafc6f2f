"""How dates are written: the same everywhere, without a.m. and p.m."""
