"""Images (N, C, H, W) and labels (N,) for the experiments."""
