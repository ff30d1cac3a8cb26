"""The program in Triton: one kernel from clean pixels to noisy views. Importing this needs `triton`."""

from .sensor import expose, try_out

__all__ = ["expose", "try_out"]
