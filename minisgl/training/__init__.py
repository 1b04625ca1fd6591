"""One run: the loop over epochs, its shards and processes, and the directory that it leaves."""
