"""Our merge language: Jinja's syntax, cut down to what cannot hurt. `docs/merge-language.md` is its reference."""
