"""The 53 changes by hand of conformance/drift-matrix.json, as a person makes them on the real servers."""
