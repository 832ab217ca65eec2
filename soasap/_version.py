"""The version, alone in its file so that the build, the front door and the User-Agent read the same line."""

__version__ = "2.0.0"
