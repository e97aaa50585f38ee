"""The data files of a site: what scripts load, and the table of summaries that the next build reads back.

One module for each kind of file, values in, bytes out. `docs/data-format.md` describes the files to people, and
`themes/default/static/reportgen.d.ts` is what the scripts are checked against. What all files share is exported here.
"""

from reportgen.site.data.encoding import (
    PLAIN_COLUMN,
    decode_column,
    encode_column,
    gzip_bytes,
    pack,
    packed_script,
    script,
    unpack,
)
from reportgen.site.data.summaries import decode_summaries, encode_summaries

__all__ = [
    "PLAIN_COLUMN",
    "decode_column",
    "decode_summaries",
    "encode_column",
    "encode_summaries",
    "gzip_bytes",
    "pack",
    "packed_script",
    "script",
    "unpack",
]
