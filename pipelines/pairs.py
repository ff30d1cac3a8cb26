"""`pairs:PATH`, noisy photographs that have a clean image each: SIDD, PolyU, or a folder of one's own."""

import re
from collections import Counter
from collections.abc import Collection, Iterable

from .folder import Folder
from .source import File, Item

# What says in a name which image of its pair a file is; the rest of the name is the same for both.
LAYOUTS = {
    "clean/NAME (or gt/NAME) with noisy/NAME": re.compile(r"^(clean|gt|noisy)(?=/)", re.IGNORECASE),
    "NAME_GT_SRGB_N with NAME_NOISY_SRGB_N": re.compile(r"(GT|NOISY)(?=_SRGB_\d+\.[^./]+$)", re.IGNORECASE),
    "NAME_mean with NAME_real": re.compile(r"(?<=_)(mean|real)(?=\.[^./]+$)", re.IGNORECASE),
}
_NOISY = ("noisy", "real")
_NUMBER = re.compile(r"_(\d+)(?=\.[^./]+$)")


class Pairs(Folder):
    """The pairs below a folder. Each is one item, named by its clean image.

    A layout is recognised by the names: subfolders `clean` (or `gt`) and `noisy` with files of equal relative
    names, where NAME_1, NAME_2, ... are several noisy views of NAME; SIDD's sRGB images; PolyU's. A file that the
    layout does not name, or whose partner is missing, is an item that is refused with the reason, and so is a clean
    image that has another number of noisy ones than most have.
    """

    address = "pairs:"

    def items(self) -> list[Item]:
        sizes = {item.name: item.size for item in super().items()}
        views, refused = _paired(sizes, self._layout(sizes))
        counts = Counter(len(names) for name, names in views.items() if name not in refused)
        most = max(counts, key=lambda count: (counts[count], count), default=0)
        for name, names in views.items():
            if name not in refused and len(names) != most:
                refused[name] = f"its noisy images number {len(names)}, those of most others {most}"
        return [
            Item(name, sizes[name], tuple(File(one, sizes[one]) for one in views.get(name, [])), refused.get(name))
            for name in sorted({*views, *refused})
        ]

    def _layout(self, names: Collection[str]) -> re.Pattern[str]:
        """The one that names most images, of those whose clean and noisy names are both there."""

        def roles(layout: re.Pattern[str]) -> list[bool]:
            return [role for name in names if (role := _split(layout, name)[0]) is not None]

        best = max(LAYOUTS.values(), key=lambda layout: len(roles(layout)) if len({*roles(layout)}) == 2 else 0)
        if len({*roles(best)}) == 2:
            return best
        raise ValueError(f"no pairs in source folder {str(self.path)!r}, wanted {', or '.join(LAYOUTS)}")


def _split(layout: re.Pattern[str], name: str) -> tuple[bool | None, str]:
    """Whether an image is a noisy one (None: the layout does not say), and what its name shares with its partner's."""
    role = layout.search(name)
    if role is None:
        return None, name
    return role[0].lower() in _NOISY, name[: role.start()] + name[role.end() :]


def _paired(names: Iterable[str], layout: re.Pattern[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Clean name -> its noisy ones, in the order of their numbers; and name -> why it cannot be used."""
    clean: dict[str, str] = {}  # what a pair shares -> the clean one's name
    noisy: dict[str, str] = {}  # name -> what it shares
    refused: dict[str, str] = {}
    for name in sorted(names):
        is_noisy, shared = _split(layout, name)
        if is_noisy is None:
            refused[name] = "is neither a clean nor a noisy image, by its name"
        elif is_noisy:
            noisy[name] = shared
        elif shared in clean:
            refused[name] = f"is a second clean image beside {clean[shared]!r}"
        else:
            clean[shared] = name
    views: dict[str, list[tuple[int, str]]] = {name: [] for name in clean.values()}
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name, shared in noisy.items():
        number = _NUMBER.search(shared)
        if shared in clean:
            views[clean[shared]].append((0, name))
        elif number is not None:
            numbered.setdefault(_NUMBER.sub("", shared), []).append((int(number[1]), name))
        else:
            refused[name] = "has no clean image"
    for shared, found in numbered.items():
        # Views of NAME, or images whose own clean ones are missing? Only where the names leave no doubt.
        if len(found) > 1 and shared in clean and not views[clean[shared]] and not _siblings(shared, clean):
            views[clean[shared]] = found
        else:
            refused |= {name: "has no clean image" for _, name in found}
    refused |= {name: "has no noisy image" for name, found in views.items() if not found}
    return {name: [one for _, one in sorted(found)] for name, found in views.items()}, refused


def _siblings(shared: str, clean: Iterable[str]) -> bool:
    """Whether clean images are numbered as the views of this one would be."""
    return any(_NUMBER.sub("", other) == shared and other != shared for other in clean)
