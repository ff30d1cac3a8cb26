"""A data set whose noise is made in loader workers; importable, so that spawned workers find it."""

import random
import warnings
import zlib
from collections.abc import Iterator

import torch
from contract import camera
from torch.utils.data import DataLoader, Dataset, Sampler

Place = tuple[int | None, int]  # epoch of the noise (None: frozen), index of the image


class Noisy(Dataset):
    """Exposures of one flat field, each under the id of its index."""

    def __init__(self) -> None:
        self.camera = camera()

    def __getitem__(self, place: Place) -> tuple[int, int]:
        epoch, index = place
        noisy = self.camera(torch.full((1, 1, 16, 16), 0.2), [index], seed=1, epoch=epoch)
        return index, zlib.crc32(noisy.numpy().tobytes())


class Shuffled(Sampler):
    """All images in an order of chance; `epoch` is set from outside and travels with the index."""

    def __init__(self, size: int) -> None:
        self.size, self.epoch = size, None

    def __iter__(self) -> Iterator[Place]:
        return iter([(self.epoch, index) for index in random.sample(range(self.size), self.size)])


def epochs_of_noise(size: int, epochs: list[int | None], start: str) -> list[dict[int, int]]:
    """Index -> digest of its noise, for each epoch, through four workers."""
    order = Shuffled(size)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create 4 worker processes")
        loader = DataLoader(
            Noisy(), batch_size=2, sampler=order, num_workers=4, multiprocessing_context=start, persistent_workers=True
        )
        results = []
        for order.epoch in epochs:
            results.append({int(i): int(d) for batch in loader for i, d in zip(*batch, strict=True)})
    return results
