"""Analysis of a trained network: its zeros, its arithmetic, an equivalent smaller network, and what it looks at."""
