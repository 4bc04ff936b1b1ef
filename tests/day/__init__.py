"""A scripted day of a call centre, compressed into minutes, against a real switch; every figure is counted again at its end."""
