"""The program in Triton: one kernel from clean pixels to noisy views. Importing this needs `triton`."""

from .sensor import expose

__all__ = ["expose"]
