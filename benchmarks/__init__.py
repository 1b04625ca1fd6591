"""Benchmarks of speed. Each result is a ratio to something measured in the same run."""
