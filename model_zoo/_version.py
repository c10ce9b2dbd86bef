"""Which Sensorium this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("sensorium")
except PackageNotFoundError:  # a plain copy of the folder, not installed (a Space, for one)
    VERSION = "source"
