"""Files: written whole or not at all, and the formats of a network for minisgl and for other programs."""
