"""handbench: synthesise, load, score and train 3D hand pose under occlusion."""

from handbench.version import __version__

__all__ = ["__version__"]
