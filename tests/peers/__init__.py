"""Tests against the real packages of peers, in an environment of their own: `.ci/run` installs them and runs these."""
