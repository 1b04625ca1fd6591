"""Many runs side by side: which ones, who makes them, and what they came to. `python -m minisgl.sweep` drives it."""
