"""minisgl: sparse training of convolutional networks, from scratch."""
