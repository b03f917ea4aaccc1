"""The official plugins' behaviour, recorded, and the program that it was recorded with."""
