"""What every camera offers, whether it is one chain of stages or a mixture of several."""

from collections.abc import Sequence, Sized
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from .frame import Frame, as_origin, check_images, count_images
from .keys import Ids, Key, as_ids, fresh_ids
from .stage import Parameters
from .units import Unit
from .value import Value
from .views import Scheme, Views, moved, scheme_named, valid


class _Address(NamedTuple):
    """What all images of a call share of their noise's address."""

    seed: int
    epoch: int | None
    body: str | Sequence[str] | None

    def key(self, sample: Tensor) -> Key:
        """Of those samples; without a body, which each pipeline then gives its own name."""
        if self.body == "per-sample":
            return Key(self.seed, sample, sample, epoch=self.epoch)
        if isinstance(self.body, str):
            return Key(self.seed, sample, epoch=self.epoch).of_body(self.body)
        bodies = None if self.body is None else as_ids(self.body, len(sample), "bodies")
        return Key(self.seed, sample, bodies, epoch=self.epoch)


class Camera(Value):
    """Makes noisy exposures of clean images: a `Pipeline`, or a `Mixture` of them.

    Attributes:
        name: its fixed patterns belong to this body unless a call names another.
    """

    name: str = "camera"

    # --- what a kind of camera has to say

    @property
    def takes(self) -> Unit:
        """The unit of the images it wants."""
        raise NotImplementedError

    @property
    def gives(self) -> Unit:
        """The unit of the images it returns."""
        raise NotImplementedError

    @property
    def radius(self) -> int:
        """How many pixels away its result looks; 0 is pointwise."""
        raise NotImplementedError

    @property
    def clipped(self) -> bool:
        """Whether it cuts values off at black or white (`Clip`, `EightBits`)."""
        raise NotImplementedError

    @property
    def varies(self) -> bool:
        """Whether anything is drawn per image."""
        raise NotImplementedError

    @property
    def wants_mean(self) -> bool:
        """Whether it needs the mean of whole frames."""
        raise NotImplementedError

    def check_channels(self, channels: int) -> None:
        """Raises ValueError where images of so many channels cannot be taken."""

    def framed(self, data: Tensor, origin: Tensor) -> Frame:
        """Images of a checked kind and shape as it takes them in."""
        return Frame(data, self.takes, origin)

    def tabulate(self, key: Key, frame: Frame | None = None, mean: Tensor | None = None) -> Parameters:
        """Draws the parameters at the key's samples and view.

        Args:
            key: whose view is that of the parameters.
            frame: the images, where their means are needed and not given.
            mean: (batch,) of whole frames.
        """
        raise NotImplementedError

    def expose(
        self, frame: Frame, keys: Sequence[Key], tables: Sequence[Parameters], dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Exposures of a frame: (view, batch, channel, row, col).

        Args:
            frame: the clean images, which all views share.
            keys: of the views; they differ in nothing else.
            tables: the drawn parameters of each view.
            dtype: as in `__call__`.
        """
        raise NotImplementedError

    def without_noise(self, frame: Frame, key: Key, drawn: Parameters) -> Tensor:
        """The clean view of a frame under drawn parameters."""
        raise NotImplementedError

    def explain(self, device: torch.device | str = "cpu") -> str:
        """What runs where on a device, and why; see `Pipeline.explain`."""
        raise NotImplementedError

    # --- what every camera does

    @torch.no_grad()
    def __call__(
        self,
        images: Tensor,
        ids: Ids | None = None,
        *,
        seed: int = 0,
        epoch: int | None = None,
        view: int = 1,
        origin: Tensor | None = None,
        body: str | Sequence[str] | None = None,
        frame_mean: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
        validate: bool = True,
    ) -> Tensor:
        """Exposes each image once. No gradient passes: a count of electrons has none.

        Args:
            images: (batch, channel, row, col), floating, in the unit of `takes`.
            ids: one int, or str, per image (or an int64 tensor); without ids the noise is new at
                every call, and a seed or an epoch would mean nothing.
            seed: in [0, 2^64).
            epoch: None for frozen noise; a number for noise of that epoch's own.
            view: which of the independent exposures, 1 to 4095.
            origin: (batch, 2) integers, where each crop's first pixel lies in its full frame.
            body: whose fixed pattern: one name, a name per image, or "per-sample" for one from
                each id; None is the camera's own name.
            frame_mean: (batch,) means of the whole frames that the images are crops of, for a
                camera that needs them (`LevelNoise`); `Pipeline.frame_mean` makes them.
            dtype: float32, uint16 for a chain that ends in Quantize, uint8 for one that ends in EightBits.
            validate: whether to look at every value: on the way where a kernel runs, first where torch
                does. False is for images known to be finite and within `takes`; what becomes of others
                is undefined.

        Returns:
            Noisy images, rows and columns as they came, on the same device.

        Raises:
            ValueError: images, ids, origin or addresses that do not fit.
            TypeError: images that are not floating, ids of another type.
        """
        if isinstance(view, bool) or view not in range(1, 4096):
            raise ValueError(f"view is {view!r}, wanted 1 to 4095 (view 0 addresses what all views share)")
        if ids is None and (seed != 0 or epoch is not None):
            raise ValueError("seed or epoch came without ids, wanted both: noise without ids is new at every call")
        frame, mean = self._frame(images, origin, frame_mean, validate)
        key = _Address(seed, epoch, body).key(_as_samples(ids, images))
        return self.expose(frame, [key.at(view)], [self.tabulate(key.at(0), frame, mean)], dtype)[0]

    @torch.no_grad()
    def views(
        self,
        images: Tensor,
        ids: Ids | None = None,
        *,
        scheme: str,
        seed: int = 0,
        epoch: int | None = None,
        origin: Tensor | None = None,
        body: str | Sequence[str] | None = None,
        cameras: "Sequence[Camera] | None" = None,
        frame_mean: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
        validate: bool = True,
    ) -> Views:
        """Exposes each image as a scheme says.

        Args:
            images, ids, seed, epoch, origin, body, frame_mean, dtype, validate: as in `__call__`.
            scheme: n2c, n2n, n2n-free, nrl, rcl, noisier, burst; see `camnoise.views`.
            cameras: the two different cameras of nrl, this one first; None for all other schemes.

        Returns:
            Clean images, noisy views, what was drawn, and the ids.

        Raises:
            ValueError, TypeError: as `__call__`; a scheme that does not exist, cameras that do not fit it.
        """
        plan, sample = scheme_named(scheme), _as_samples(ids, images)
        chosen = self._cameras(plan, cameras)
        if plan.alpha and dtype != torch.float32:
            raise ValueError(
                f"dtype is {dtype} for scheme {plan}, wanted float32: its second view is no single exposure"
            )
        if plan.reach and images.ndim == 4 and plan.reach >= min(images.shape[2:]):
            size = "x".join(map(str, images.shape[2:]))
            raise ValueError(f"scheme {plan} moves scenes by up to {plan.reach} pixels, and images are {size}")
        address = _Address(seed, epoch, body)
        frames, tables = self._tables(plan, chosen, images, sample, address, origin, frame_mean, validate)
        keys = [address.key(sample).at(number) for number in plan.views]
        shifts = torch.stack([plan.shift(key) for key in keys])
        if plan.reach and frames[0].cfa is not None:
            raise ValueError(f"scheme {plan} got mosaics, wanted planes: moved by a pixel their filters would change")
        if plan.reach or plan.cameras > 1:
            if plan.reach:  # not every pixel is in every scene
                frames = [frames[0].checked()] * len(frames)
            parts = [
                camera.expose(moved(frame, shift) if plan.reach else frame, [key], [drawn], dtype)
                for camera, frame, shift, key, drawn in zip(chosen, frames, shifts, keys, tables, strict=True)
            ]
            if len({one.shape for one in parts}) > 1:
                came = " and ".join(str(tuple(one.shape[1:])) for one in parts)
                raise ValueError(f"the cameras of {plan} give images of {came}, wanted one shape")
            exposures = torch.cat(parts)
        else:
            exposures = self.expose(frames[0], keys, tables, dtype)
        clean = chosen[0].without_noise(frames[0], address.key(sample), tables[0])
        if plan.alpha:
            exposures[1] = exposures[0] + (exposures[1] - clean) * plan.alpha
        return Views(
            clean=clean,
            views=exposures,
            parameters=_copies(tables),
            ids=sample,
            clipped=any(camera.clipped for camera in chosen),
            shifts=shifts if plan.reach else None,
            valid=valid(shifts, clean.shape[2], clean.shape[3], self.radius).to(clean.device) if plan.reach else None,
        )

    @torch.no_grad()
    def clean(
        self,
        images: Tensor,
        ids: Ids | None = None,
        *,
        scheme: str = "n2c",
        seed: int = 0,
        epoch: int | None = None,
        origin: Tensor | None = None,
        body: str | Sequence[str] | None = None,
        frame_mean: Tensor | None = None,
    ) -> Tensor:
        """The clean images of a scheme: every deterministic stage on and no noise; float32, in the unit of the views.

        Arguments and errors are those of `views`; nothing is random but drawn parameters.
        """
        plan, sample = scheme_named(scheme), _as_samples(ids, images)
        frame, mean = self._frame(images, origin, frame_mean)
        key = _Address(seed, epoch, body).key(sample)
        return self.without_noise(frame, key, self.tabulate(key.at(1 if plan.own else 0), frame, mean))

    def draw(self, ids: Ids, *, seed: int = 0, epoch: int | None = None, view: int = 0) -> Parameters:
        """The parameters of each sample: one (batch,) tensor per name.

        What follows from a picture's mean is missing here; `parameters` has it.

        Args:
            ids: one per sample.
            seed: in [0, 2^64).
            epoch: as in `__call__`.
            view: 0, which all views of a scene share, or that of a scheme with parameters per view.
        """
        if not isinstance(ids, Sized):
            raise TypeError(f"ids is {ids!r}, wanted one per sample: a list")
        return self.tabulate(Key(seed, as_ids(ids, len(ids)), epoch=epoch, view=view)).copy()

    def parameters(
        self,
        images: Tensor,
        ids: Ids,
        *,
        scheme: str,
        seed: int = 0,
        epoch: int | None = None,
        origin: Tensor | None = None,
        cameras: "Sequence[Camera] | None" = None,
        frame_mean: Tensor | None = None,
    ) -> tuple[Parameters, ...]:
        """The parameters that `views` would draw, one table per view, without making the views."""
        plan, sample = scheme_named(scheme), _as_samples(ids, images)
        chosen = self._cameras(plan, cameras)
        return _copies(self._tables(plan, chosen, images, sample, _Address(seed, epoch, None), origin, frame_mean)[1])

    def _tables(
        self,
        plan: Scheme,
        cameras: "Sequence[Camera]",
        images: Tensor,
        sample: Tensor,
        address: _Address,
        origin: Tensor | None,
        frame_mean: Tensor | None,
        validate: bool = True,
    ) -> tuple[list[Frame], tuple[Parameters, ...]]:
        """The images as each view's camera takes them in, and its parameters."""
        frames: list[Frame] = []
        tables: list[Parameters] = []
        for place, (number, camera) in enumerate(zip(plan.views, cameras, strict=True)):
            if place and camera is cameras[0]:
                frame = frames[0]
            else:
                frame, mean = camera._frame(images, origin, frame_mean if camera.wants_mean else None, validate)
            frames.append(frame)
            if place and not plan.own:  # the scene's parameters are the same in all views
                tables.append(tables[0])
            else:
                tables.append(camera.tabulate(address.key(sample).at(number if plan.own else 0), frame, mean))
        return frames, tuple(tables)

    def _cameras(self, plan: Scheme, cameras: "Sequence[Camera] | None") -> "Sequence[Camera]":
        """The camera of each view."""
        if plan.real:
            raise ValueError("scheme real takes its views from a source of pairs: a camera adds nothing to them")
        if plan.cameras == 1:
            if cameras is not None:
                raise ValueError(f"cameras came with scheme {plan}, which has one camera")
            return [self] * len(plan.views)
        if cameras is not None and (
            not isinstance(cameras, Sequence) or not all(isinstance(one, Camera) for one in cameras)
        ):
            raise TypeError(f"cameras is {cameras!r}, wanted two of them: (a, b)")
        if cameras is None or len(cameras) != plan.cameras:
            came = "none" if cameras is None else f"{len(cameras)}"
            raise ValueError(f"scheme {plan} got {came} of its cameras, wanted cameras=(a, b)")
        first, second = cameras
        if first != self:
            raise ValueError(f"the first of the cameras is {first.name}, wanted the one that is called, {self.name}")
        if first == second and not self.varies:
            raise ValueError(f"scheme {plan} got {self.name} twice with nothing that varies, wanted different cameras")
        if (first.takes, first.gives) != (second.takes, second.gives):
            raise ValueError(
                f"camera {second.name} takes {second.takes} and gives {second.gives}, "
                f"wanted {first.takes} and {first.gives} as {first.name} does"
            )
        return cameras

    def _frame(
        self, images: Tensor, origin: Tensor | None, mean: Tensor | None, validate: bool = True
    ) -> tuple[Frame, Tensor | None]:
        """Images as the camera takes them in, and the means of their whole frames where they were given."""
        data = check_images(images, self.takes)
        self.check_channels(data.shape[1])
        if mean is None and self.wants_mean and origin is not None:
            raise ValueError(
                f"{self.name} needs the mean of each whole frame, and images with an origin are crops: "
                "give frame_mean, as its own frame_mean makes it of the whole images"
            )
        if mean is not None:
            if not self.wants_mean:
                raise ValueError(f"frame_mean came, and {self.name} does not need it")
            if not isinstance(mean, Tensor):
                raise TypeError(f"frame_mean is {mean!r}, wanted a tensor (batch,), as Pipeline.frame_mean makes it")
            mean = mean.to("cpu", torch.float32).resolve_neg()
            if mean.shape != (len(data),) or not ((mean >= 0) & (mean < float("inf"))).all():
                came = f"{tuple(mean.shape)} {mean.flatten()[:4].tolist()}"
                raise ValueError(f"frame_mean is {came}, wanted ({len(data)},) finite numbers, none negative")
        frame = replace(self.framed(data, as_origin(origin, data)), unchecked=validate)
        return (frame.checked() if self.wants_mean else frame), mean


def _copies(tables: Sequence[Parameters]) -> tuple[Parameters, ...]:
    """What a caller may keep and change; views that share a table still do."""
    copies = {id(drawn): drawn.copy() for drawn in tables}
    return tuple(copies[id(drawn)] for drawn in tables)


def _as_samples(ids: Ids | None, images: Tensor) -> Tensor:
    batch = count_images(images)
    return fresh_ids(batch) if ids is None else as_ids(ids, batch)
