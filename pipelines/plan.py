"""What is to be made: inputs cut into shards, before a single pixel is decoded."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from camnoise.keys import hex_id, sample_id
from camnoise.sample import canonical

from .images import read_header
from .recipe import Recipe
from .source import Item, Source, opened

Form = Literal["src.jpg", "src.png", "scene.npy"]  # the member that holds a sample's input


class Input(BaseModel):
    """One image of a source, as its header describes it.

    Attributes:
        name: the source's own.
        size: of the file, bytes.
        form: the member that could hold it.
        refused: why it cannot be used, None when it can, as far as the header tells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int
    form: Form = "scene.npy"
    refused: str | None = None

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
    """Reads the header of every image; `watch` is called after each. Raises SourceError."""
    inputs = []
    for item in items:
        form: Form = "scene.npy"
        refused = None
        try:
            with opened(source, item.name) as file:
                header = read_header(file)
            if header.upright and header.bits == 8 and header.format != "TIFF":
                form = "src.jpg" if header.format == "JPEG" else "src.png"
        except ValueError as error:
            refused = str(error)
        inputs.append(Input(name=item.name, size=item.size, form=form, refused=refused))
        watch()
    return inputs


def common_form(inputs: Sequence[Input]) -> Form:
    """The one form that every usable input can take: original bytes when they are all of one kind."""
    forms = {one.form for one in inputs if one.refused is None}
    return forms.pop() if len(forms) == 1 else "scene.npy"


def inventory_sha256(inputs: Iterable[Input | Item]) -> str:
    """Digest of the inputs' names and sizes. Of nothing else: contents are proven by a sample's `pixels`."""
    return hashlib.sha256(canonical(sorted([one.name, one.size] for one in inputs))).hexdigest()


def plan(inputs: Sequence[Input], recipe: Recipe, *, location: str = "", folder: str = "") -> list[ShardSpec]:
    """Cuts the inputs, sorted by name, into shards. A pure function of its arguments.

    It knows the images by their names, sizes and headers: another image under the same three makes the same plan.

    Raises:
        ValueError: two inputs have one id, and so would have one noise.
    """
    ordered = sorted(inputs, key=lambda one: one.name)
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
