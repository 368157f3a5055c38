"""Renders talking avatars on a GPU that is paid by the second."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("avatar-worker")
except PackageNotFoundError:  # run from the sources
    __version__ = "0"
