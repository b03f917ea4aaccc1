"""What all tests share: provider packages are imported once, before warnings become errors."""

import warnings
from importlib import import_module

with warnings.catch_warnings():
    # Its deprecated alias warns about itself while the package is loaded; nothing of ours uses it.
    warnings.filterwarnings("ignore", message="postgresql.DefaultPrivileg ", category=DeprecationWarning)
    import_module("pulumi_postgresql.default_privileg")
