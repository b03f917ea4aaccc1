"""Programs that tests apply, each in a copy of its folder."""
