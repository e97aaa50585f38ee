"""A change compared with a baseline: which runs belong together, what the differences are worth, and how it is said.

`baseline` chooses runs, `pairing` makes pairs of configurations, `comparing` and `gating` judge them, `outcome` holds
what came out. `comment` and `record` write it, as Markdown for the forges and as data. Nothing here posts anything, and
what comes from a log reaches Markdown through `escaping` alone.
"""
