"""These tests compare with the originals or train, with torch; elsewhere they are left out."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
