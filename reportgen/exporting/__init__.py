"""Runs for other programs: as JSON records, as typed columns, as files of CSV, JSON, JSON lines and Parquet.

`docs/exporting.md` describes the records and the columns. What a number means is decided elsewhere; here
it gets a name.
"""
