"""Atomic file writes, and network formats for minisgl and for other programs."""
