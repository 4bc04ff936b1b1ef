"""Benchmarks: CPU per call with a peer or the floor beside us in the same run. Run by script/bench."""
