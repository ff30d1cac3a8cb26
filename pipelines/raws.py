"""`raw:PATH`, every RAW file in a folder and the folders below it, or one RAW file."""

from typing import BinaryIO

from camnoise.suffixes import RAW

from .folder import Folder
from .rawfiles import require
from .source import Item, public_name


class Raws(Folder):
    """The RAW files below a folder, named as `Folder` names images; or one file, which has its bare name.

    Each becomes a mosaic, its visible area alone, and its light the clean image of its sample. That light has the
    noise of its own exposure: views of it are noisier than their camera, and no method can learn to remove what
    clean and views share. Files of a low ISO, well exposed, keep it small.
    """

    address = "raw:"
    suffixes = RAW
    kinds = "RAW"

    def __init__(self, path: str) -> None:
        """Raises ModuleNotFoundError where the extra [raw] is not installed, ValueError without a path."""
        require()
        super().__init__(path)

    def items(self) -> list[Item]:
        if self.path.is_file():
            return [Item(public_name(self.path.name), self.path.stat().st_size)]
        return super().items()

    def open(self, name: str) -> BinaryIO:
        return self.path.open("rb") if self.path.is_file() else super().open(name)
