"""Fast digests of members and of decoded pixels."""

from . import npy
from .images import Pixels

try:
    import xxhash
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("shards need xxhash: install camnoise with its extra [shards]") from error


def of_bytes(data: bytes) -> str:
    """xxh3_64, 16 hex digits."""
    return xxhash.xxh3_64_hexdigest(data)


def of_pixels(pixels: Pixels) -> str:
    """xxh3_128 of a decoded input, its dtype and shape included, 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(npy.dump(pixels))
