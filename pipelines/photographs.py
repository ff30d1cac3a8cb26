"""`sample:`, seven real photographs that ship inside scikit-image's wheel."""

from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from .source import Item

FILES = {
    "sample/astronaut": "astronaut.png",
    "sample/chelsea": "chelsea.png",
    "sample/coffee": "coffee.png",
    "sample/motorcycle_left": "motorcycle_left.png",
    "sample/motorcycle_right": "motorcycle_right.png",
    "sample/retina": "retina.jpg",
    "sample/rocket": "rocket.jpg",
}


class Photographs:
    """The sample photographs. Nothing is downloaded, and scikit-image itself is not imported."""

    address = location = "sample:"

    def __init__(self) -> None:
        package = find_spec("skimage")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("source 'sample:' needs scikit-image: install camnoise with its extra [sample]")
        self.folder = Path(package.origin).parent / "data"

    def items(self) -> list[Item]:
        present = {name: self.folder / file for name, file in FILES.items() if (self.folder / file).is_file()}
        if not present:  # a distribution may have left the data out
            raise ValueError(f"no sample photograph in {str(self.folder)!r}: this scikit-image has no data files")
        return sorted(Item(name, path.stat().st_size) for name, path in present.items())

    def open(self, name: str) -> BinaryIO:
        return (self.folder / FILES[name]).open("rb")
