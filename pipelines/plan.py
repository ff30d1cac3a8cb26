"""What is to be made: inputs cut into shards, before a single pixel is decoded."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from camnoise.keys import hex_id, sample_id
from camnoise.sample import canonical

from .images import read_header
from .rawfiles import MOST_BYTES, too_large
from .raws import Raws
from .recipe import Recipe
from .source import File, Item, Source, opened

Form = Literal["src.jpg", "src.png", "scene.npy"]  # the member that holds a sample's input


class Input(BaseModel):
    """One image of a source, as its header describes it.

    Attributes:
        name: the source's own.
        size: of the file, bytes.
        noisy: the files of its noisy views, where the source has them.
        form: the member that could hold it.
        refused: why it cannot be used, None when it can, as far as the header tells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int
    noisy: tuple[File, ...] = ()
    form: Form = "scene.npy"
    refused: str | None = None

    @property
    def files(self) -> list[File]:
        return [File(self.name, self.size), *self.noisy]

    @property
    def key(self) -> str:
        """Of its sample in a shard: the id of its noise, 16 hex digits."""
        return hex_id(sample_id(self.name))


class ShardSpec(BaseModel):
    """All that `build_shard` needs to know.

    Attributes:
        number: of the shard.
        inputs: sorted by key, which is the order of the tar.
        form: the member that holds the input, the same in the whole data set.
        recipe: what is made of every image.
        location: where the source is on this machine.
        folder: where the shard goes on this machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    inputs: tuple[Input, ...]
    form: Form
    recipe: Recipe
    location: str
    folder: str

    @property
    def name(self) -> str:
        """The bare file name of the shard."""
        return f"shard-{self.number:06d}.tar"

    @property
    def sha256(self) -> str:
        """Of all that decides the shard's bytes; the places on this machine do not."""
        inputs = [one.model_dump(mode="json") for one in self.inputs]
        content = {"number": self.number, "inputs": inputs, "form": self.form, "recipe": self.recipe.sha256}
        return hashlib.sha256(canonical(content)).hexdigest()


def survey(source: Source, items: Iterable[Item], watch: Callable[[], None] = lambda: None) -> list[Input]:
    """Reads the header of every image; `watch` is called after each item. Raises SourceError."""
    inputs = []
    for item in items:
        form, refused = ("scene.npy", item.refused) if item.refused else _surveyed(source, item)
        inputs.append(Input(name=item.name, size=item.size, noisy=item.noisy, form=form, refused=refused))
        watch()
    return inputs


def _surveyed(source: Source, item: Item) -> tuple[Form, str | None]:
    """The form that an image's bytes could take, and why they cannot be used."""
    form: Form = "scene.npy"
    if source.address == Raws.address:  # LibRaw says what is wrong with a file when it is decoded
        return form, too_large(item.size) if item.size > MOST_BYTES else None
    for file in item.files:
        try:
            with opened(source, file.name) as opening:
                header = read_header(opening)
        except ValueError as error:
            return "scene.npy", str(error) if file.name == item.name else f"noisy {file.name}: {error}"
        if file.name == item.name and header.upright and header.bits == 8 and header.format != "TIFF":
            form = "src.jpg" if header.format == "JPEG" else "src.png"
    return form, None


def common_form(inputs: Sequence[Input]) -> Form:
    """The one form that every usable input can take: original bytes when they are all of one kind."""
    forms = {one.form for one in inputs if one.refused is None}
    return forms.pop() if len(forms) == 1 else "scene.npy"


def inventory_sha256(inputs: Iterable[Input | Item]) -> str:
    """Digest of the names and sizes of the inputs' files. Of nothing else: contents are proven by `pixels`."""
    return hashlib.sha256(canonical(sorted([*file] for one in inputs for file in one.files))).hexdigest()


def plan(inputs: Sequence[Input], recipe: Recipe, *, location: str = "", folder: str = "") -> list[ShardSpec]:
    """Cuts the inputs, sorted by name, into shards. A pure function of its arguments.

    It knows the images by their names, sizes and headers: another image under the same three makes the same plan.

    Raises:
        ValueError: two inputs have one id, and so would have one noise; inputs have other numbers of noisy views
            than the recipe's scheme, or than each other.
    """
    ordered = sorted(inputs, key=lambda one: one.name)
    views = {len(one.noisy) for one in ordered if one.refused is None}
    fits = views <= {0} if recipe.cameras else len(views) <= 1 and 0 not in views
    if not fits:
        came, wanted = ", ".join(map(str, sorted(views))), "none" if recipe.cameras else "the same number each"
        raise ValueError(f"inputs have {came} noisy views in the source, scheme {recipe.scheme} wants {wanted}")
    keys: dict[str, str] = {}
    for one in ordered:
        if one.key in keys:
            raise ValueError(f"inputs {keys[one.key]!r} and {one.name!r} have one id, {one.key}")
        keys[one.key] = one.name
    form, step = common_form(ordered), recipe.samples_per_shard
    return [
        ShardSpec(
            number=number,
            inputs=tuple(sorted(ordered[start : start + step], key=lambda one: one.key)),
            form=form,
            recipe=recipe,
            location=location,
            folder=folder,
        )
        for number, start in enumerate(range(0, len(ordered), step))
    ]
