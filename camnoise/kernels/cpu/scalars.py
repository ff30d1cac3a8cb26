"""The reference's own functions, for one pixel, as numba can inline them.

`elementary` and `draws` are written in tensors' operators and a few methods. Here they run once on
a stand-in for a tensor that writes the LLVM instruction of each operation as it is met. So there is
no second text of a law that could differ from the first: order, constants and roundings are those
of the torch code. LLVM may not reorder or fuse float32 operations unless told so, and nothing here
tells it.
"""

from collections.abc import Callable
from typing import Any

import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ... import draws, elementary, keys, light

_FLOAT, _INT, _LONG, _BOOL = ir.FloatType(), ir.IntType(32), ir.IntType(64), ir.IntType(1)


class _Pixel:
    """A float32, an int32, an int64 or a truth, as an LLVM value; acts as the tensor of it would."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def _like(self, other: Any) -> ir.Value:
        """The other operand; a number becomes a constant of this type, rounded as torch rounds it."""
        if isinstance(other, _Pixel):
            assert other.value.type == self.value.type, "operands of two types: torch would promote one"
            return other.value
        if self.value.type == _FLOAT:
            return ir.Constant(_FLOAT, torch.tensor(other, dtype=torch.float32, device="cpu").item())
        return ir.Constant(self.value.type, other)

    def _new(self, value: ir.Value) -> "_Pixel":
        return _Pixel(self.builder, value)

    def _with(self, other: Any, floating: str, whole: str, *, swap: bool = False) -> "_Pixel":
        operands = (self._like(other), self.value) if swap else (self.value, self._like(other))
        return self._new(getattr(self.builder, floating if self.value.type == _FLOAT else whole)(*operands))

    def __add__(self, other: Any) -> "_Pixel":
        return self._with(other, "fadd", "add")

    def __radd__(self, other: Any) -> "_Pixel":
        return self._with(other, "fadd", "add", swap=True)

    def __sub__(self, other: Any) -> "_Pixel":
        return self._with(other, "fsub", "sub")

    def __rsub__(self, other: Any) -> "_Pixel":
        return self._with(other, "fsub", "sub", swap=True)

    def __mul__(self, other: Any) -> "_Pixel":
        return self._with(other, "fmul", "mul")

    def __rmul__(self, other: Any) -> "_Pixel":
        return self._with(other, "fmul", "mul", swap=True)

    def __truediv__(self, other: "_Pixel") -> "_Pixel":
        assert isinstance(other, _Pixel), "torch divides by a number through its reciprocal on some devices"
        return self._new(self.builder.fdiv(self.value, other.value))

    def __neg__(self) -> "_Pixel":
        return self._new(self.builder.fneg(self.value))

    def __and__(self, other: Any) -> "_Pixel":
        return self._new(self.builder.and_(self.value, self._like(other)))

    def __xor__(self, other: Any) -> "_Pixel":
        return self._new(self.builder.xor(self.value, self._like(other)))

    def __lshift__(self, by: int) -> "_Pixel":
        return self._new(self.builder.shl(self.value, self._like(by)))

    def __rshift__(self, by: int) -> "_Pixel":
        return self._new(self.builder.ashr(self.value, self._like(by)))

    def _compare(self, sign: str, other: Any) -> "_Pixel":
        compare = self.builder.fcmp_ordered if self.value.type == _FLOAT else self.builder.icmp_signed
        return self._new(compare(sign, self.value, self._like(other)))

    def __lt__(self, other: Any) -> "_Pixel":
        return self._compare("<", other)

    def __le__(self, other: Any) -> "_Pixel":
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> "_Pixel":
        return self._compare(">", other)

    def float(self) -> "_Pixel":
        if self.value.type == _FLOAT:
            return self
        convert = self.builder.uitofp if self.value.type == _BOOL else self.builder.sitofp
        return self._new(convert(self.value, _FLOAT))

    def view(self, dtype: torch.dtype) -> "_Pixel":
        return self._new(self.builder.bitcast(self.value, {torch.int32: _INT, torch.float32: _FLOAT}[dtype]))

    def double(self) -> "_Pixel":
        """Itself: the reference widens for a root alone, and a float32 root rounded once is that same number."""
        return self

    def sqrt(self) -> "_Pixel":
        return self._call("llvm.sqrt")

    def floor(self) -> "_Pixel":
        return self._call("llvm.floor")

    def _call(self, name: str) -> "_Pixel":
        function = self.builder.module.declare_intrinsic(name, [_FLOAT])
        return self._new(self.builder.call(function, [self.value]))

    def _select(self, condition: "_Pixel", then: Any, other: Any) -> "_Pixel":
        like = then if isinstance(then, _Pixel) else other
        return self._new(self.builder.select(condition.value, like._like(then), like._like(other)))

    @classmethod
    def __torch_function__(cls, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> "_Pixel":
        first: _Pixel = next(one for one in args if isinstance(one, _Pixel))
        if function is torch.where:
            return first._select(*args)
        if function is torch.maximum:
            return first._select(args[0] > args[1], *args)
        if function is torch.floor:
            return first.floor()
        if function in (torch.full_like, torch.ones_like):
            return first._new(first._like(args[1] if function is torch.full_like else 1.0))
        raise NotImplementedError(f"{function} has no LLVM instruction here")


def _scalar(function: Callable[..., Any], takes: str, gives: Any = types.float32) -> Any:
    """`function` of tensors as a numba function of scalars.

    Args:
        takes: a letter per argument: f for float32, i for int32, l for int64.
        gives: the type of its result, or of each of a tuple's.
    """
    kinds = {"f": types.float32, "i": types.int32, "l": types.int64}
    signature = gives(*(kinds[letter] for letter in takes))

    def generate(context: Any, builder: ir.IRBuilder, _: Any, args: Any) -> Any:
        result = function(*(_Pixel(builder, value) for value in args))
        if isinstance(result, tuple):
            return context.make_tuple(builder, gives, [one.value for one in result])
        return result.value

    def one(context: Any, a: Any) -> Any:
        return signature, generate

    def two(context: Any, a: Any, b: Any) -> Any:
        return signature, generate

    def four(context: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return signature, generate

    def six(context: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
        return signature, generate

    return intrinsic({1: one, 2: two, 4: four, 6: six}[len(takes)])


def _philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    return keys.philox((c0, c1, c2, c3), (k0, k1))


philox = _scalar(_philox, "llllll", types.UniTuple(types.int64, 4))  # type: ignore[no-untyped-call]
as_int = _scalar(lambda x: x.view(torch.int32), "f", types.int32)
positive_part = _scalar(elementary.positive_part, "f")
sqrt, floor = _scalar(elementary.sqrt, "f"), _scalar(torch.floor, "f")
exp, log, log1m = (_scalar(function, "f") for function in (elementary.exp, elementary.log, elementary.log1m))
expm1, expm1_small = _scalar(elementary.expm1, "f"), _scalar(elementary.expm1_small, "f")
cosine_of_word = _scalar(elementary.cosine_of_word, "i")
srgb_curve = _scalar(light.srgb_curve, "f")
tail, signed = _scalar(draws.tail, "i"), _scalar(draws.signed, "fi")
uniform, normal, exponential = (_scalar(law, "i") for law in (draws.uniform, draws.normal, draws.exponential))
normal_root, normal_of_root = _scalar(draws.normal_root, "i"), _scalar(draws.normal_of_root, "fi")
log_of_uniform = _scalar(draws.log_of_uniform, "i")
reciprocal = _scalar(draws.reciprocal, "f")
expansion_of_root, poisson_ladder = _scalar(draws.expansion_of_root, "ffff"), _scalar(draws.poisson_ladder, "if")
