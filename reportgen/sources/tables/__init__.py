"""Logs that are tables: JSON lines, CSV, and the few text logs that say the same.

`frameworks` knows what the training frameworks write, `anytable` takes what nobody knows by its columns or by the
configuration; both read with `reading`, which knows a log by its `Layout`.
"""
