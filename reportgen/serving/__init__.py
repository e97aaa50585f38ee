"""A site that is served on this machine while its runs train: `server` answers the browser, `watch` rebuilds.

A served page gets a script, `live.js`, that no published site has: it asks what has changed and brings the page up to
date without losing the reader's view.
"""
