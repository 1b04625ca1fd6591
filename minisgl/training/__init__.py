"""One run: the loop over epochs, its shards and processes, and the run directory that it writes."""
