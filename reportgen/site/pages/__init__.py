"""Page makers: results of the analysis in, one documented dataclass a template out. No I/O, no HTML strings."""
