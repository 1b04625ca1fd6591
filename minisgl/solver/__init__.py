"""Where the network and the penalties meet: what a solver is, and two of them, variable splitting and the refit."""
