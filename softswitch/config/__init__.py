"""Settings of the process: one typed table, read from defaults, a TOML file, the environment and the command line."""
