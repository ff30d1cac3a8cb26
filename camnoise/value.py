"""What stages, laws and pipelines are: frozen values whose repr is their configuration."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

LONGEST = 120  # letters of an offending value that an error repeats


class Value(BaseModel):
    """A frozen, hashable, picklable value that round-trips through JSON.

    Raises:
        ValueError: at construction, one sentence: what came, what was wanted, where.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, /, *unnamed: object, **fields: Any) -> None:
        if unnamed:
            names = ", ".join(type(self).fields())
            raise TypeError(f"{type(self).__name__} got {unnamed[0]!r} without a name, wanted fields by name: {names}")
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(sentence(error, type(self).fields())) from None

    @classmethod
    def fields(cls) -> list[str]:
        """The names of its fields."""
        return [name for name in cls.model_fields if name != "kind"]

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what `model_dump_json` wrote.

        Raises:
            ValueError: one sentence, as at construction.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(sentence(error, cls.fields())) from None

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return ((name, value) for name, value in super().__repr_args__() if name != "kind")

    def __str__(self) -> str:
        return repr(self)


def sentence(error: ValidationError, fields: Sequence[str] = ()) -> str:
    """The one sentence of a pydantic error: of several problems, the one that says most.

    Args:
        error: what pydantic raised.
        fields: the names that exist, to be listed where one does not.
    """
    problems = error.errors(include_url=False)
    # A misspelt field comes first: it is why another is missing. Then the deepest; of equals the first.
    worst = max(problems, key=lambda problem: (problem["type"] == "extra_forbidden", len(problem["loc"])))
    message = worst["msg"].removeprefix("Value error, ")
    if worst["type"] == "value_error":
        return message
    # A union names its branches in the location ("constrained-float", "log_uniform"): not a field's name.
    where = [str(part) for part in worst["loc"] if isinstance(part, int) or str(part).isidentifier()]
    title = error.title if error.title.isidentifier() else "stage"  # a bare union has no name
    if worst["type"] == "union_tag_invalid":
        where.append("kind")
        message = f"wanted one of {worst['ctx']['expected_tags']}"
        worst["input"] = worst["input"].get("kind")
    more = f" (and {len(problems) - 1} more)" if len({p["loc"][:1] for p in problems}) > 1 else ""
    place = ".".join([title, *where])
    if worst["type"] == "missing":
        return f"{place} is missing{more}"
    if worst["type"] == "extra_forbidden":
        wanted = f", wanted one of {', '.join(fields)}" if fields else ""
        return f"{place} is not a field{wanted}"
    if worst["type"] == "json_invalid":
        return f"{place} is no JSON: {message.removeprefix('Invalid JSON: ')}"
    came = repr(worst["input"])
    came = came if len(came) <= LONGEST else f"{came[:LONGEST]}..."  # the input may be a whole file
    return f"{place} is {came}: {message[:1].lower()}{message[1:]}{more}"
