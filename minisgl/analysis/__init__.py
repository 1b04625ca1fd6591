"""What a trained network is: its zeros, its arithmetic, the smaller network inside it, and what it looks at."""
