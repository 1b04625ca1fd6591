"""Where the network and the penalties meet: the two steps of variable splitting, their schedules, and the refit."""
