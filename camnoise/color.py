"""Color matrices between sRGB and a camera's own red, green and blue.

A matrix belongs to an image: it is made once, on the CPU, in float64 (+ - * / only, in a stated order), rounded to
float32, and stored as nine columns of the table of parameters. Pixels see multiplications and additions, no `matmul`,
whose result depends on the backend.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator
from torch import Tensor

from .frame import Frame
from .stage import Parameters

Matrices = NDArray[np.float64]  # (..., 3, 3), by rows

# The cameras of the Darmstadt Noise Dataset, XYZ to camera, and linear sRGB to XYZ (D65): facts of the code of
# Brooks et al., https://github.com/google-research/google-research/tree/master/unprocessing (`random_ccm`).
XYZ_TO_CAMERA = (
    ((1.0234, -0.2969, -0.2266), (-0.5625, 1.6328, -0.0469), (-0.0703, 0.2188, 0.6406)),
    ((0.4913, -0.0541, -0.0202), (-0.613, 1.3513, 0.2906), (-0.1564, 0.2151, 0.7183)),
    ((0.838, -0.263, -0.0639), (-0.2887, 1.0725, 0.2496), (-0.0627, 0.1427, 0.5438)),
    ((0.6596, -0.2079, -0.0562), (-0.4782, 1.3016, 0.1933), (-0.097, 0.1581, 0.5181)),
)
SRGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
LEAST_DETERMINANT = 1e-3  # of a matrix whose rows sum to 1; below it the inverse makes noise of every rounding


def _checked(rows: "Rows") -> "Rows":
    matrix = np.asarray(rows, np.float64)
    sums = [row[0] + row[1] + row[2] for row in rows]
    if min(sums) < LEAST_DETERMINANT:
        raise ValueError(
            f"matrix has a row that sums to {min(sums):g}, wanted above 0: white must be seen by each color"
        )
    if abs(determinant := float(_determinant(with_unit_rows(matrix)))) < LEAST_DETERMINANT:
        raise ValueError(f"matrix has determinant {determinant:g} with rows that sum to 1, wanted one with an inverse")
    return rows


Row = tuple[float, float, float]
Rows = tuple[Row, Row, Row]
Matrix = Annotated[
    Rows, AfterValidator(_checked)
]  # linear sRGB to camera; rows are normalized to sum 1 where it is used


def with_unit_rows(matrix: Matrices) -> Matrices:
    """Each row divided by its sum, so that a neutral gray stays one: (..., 3, 3)."""
    total = (matrix[..., 0] + matrix[..., 1]) + matrix[..., 2]
    return matrix / total[..., None]


def product(a: Matrices, b: Matrices) -> Matrices:
    """The matrix product, its three terms added from left to right: (..., 3, 3)."""
    terms = [a[..., :, k, None] * b[..., None, k, :] for k in range(3)]
    return (terms[0] + terms[1]) + terms[2]


def inverse(matrix: Matrices) -> Matrices:
    """The inverse, by cofactors: (..., 3, 3)."""
    cofactors = np.empty_like(matrix)
    for r in range(3):
        for c in range(3):
            (r1, r2), (c1, c2) = ((r + 1) % 3, (r + 2) % 3), ((c + 1) % 3, (c + 2) % 3)
            cofactors[..., c, r] = matrix[..., r1, c1] * matrix[..., r2, c2] - matrix[..., r1, c2] * matrix[..., r2, c1]
    return cofactors / _determinant(matrix)[..., None, None]


def _determinant(matrix: Matrices) -> Matrices:
    (a, b, c), (d, e, f), (g, h, i) = ([matrix[..., row, column] for column in range(3)] for row in range(3))
    return np.asarray((a * (e * i - f * h) + b * (f * g - d * i)) + c * (d * h - e * g))


def random_cameras(weights: Sequence[Tensor]) -> Matrices:
    """Linear sRGB to camera, as a mean of the four published cameras under weights of each image.

    Args:
        weights: of each camera, (batch,) float32, not all 0.

    Returns:
        (batch, 3, 3) with rows that sum to 1.
    """
    columns = [weight.double().numpy() for weight in weights]
    total = ((columns[0] + columns[1]) + columns[2]) + columns[3]
    parts = [
        column[:, None, None] * np.asarray(rows, np.float64)
        for column, rows in zip(columns, XYZ_TO_CAMERA, strict=True)
    ]
    mean = (((parts[0] + parts[1]) + parts[2]) + parts[3]) / total[:, None, None]
    return with_unit_rows(product(mean, np.asarray(SRGB_TO_XYZ, np.float64)))


def camera_columns(matrix: Matrices) -> dict[str, Tensor]:
    """Columns `camera_RR`, `camera_RG`, ...: how much of sRGB's red, green and blue the camera's red, ... sees."""
    return _columns("camera", matrix)


def srgb_columns(table: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Columns `srgb_RR`, ...: back again, the inverse of the float32 columns `camera_RR`, ..., as they are stored."""
    rows = [[table[f"camera_{r}{c}"].double().numpy() for c in "RGB"] for r in "RGB"]
    stored = np.stack([np.stack(row, -1) for row in rows], -2)
    return _columns("srgb", inverse(stored))


def _columns(name: str, matrix: Matrices) -> dict[str, Tensor]:
    rounded = torch.from_numpy(matrix.astype(np.float32))
    return {f"{name}_{r}{c}": rounded[:, i, j].clone() for i, r in enumerate("RGB") for j, c in enumerate("RGB")}


def mixed(frame: Frame, drawn: Parameters, name: str) -> Tensor:
    """The planes of an image through the matrix of its columns: (batch, 3, row, col) float32.

    Every plane is (red + green) + blue of its three products.
    """
    red, green, blue = (frame.data[:, plane : plane + 1] for plane in range(3))
    planes = []
    for row in "RGB":
        a, b, c = (drawn.per_image(f"{name}_{row}{column}", frame) for column in "RGB")
        planes.append((red * a + green * b) + blue * c)
    return torch.cat(planes, 1)


def gains_of(frame: Frame, drawn: Parameters, name: str) -> Tensor:
    """The columns `<name>_R`, `<name>_G`, `<name>_B` beside each other: (batch, 3, 1, 1) float32."""
    return torch.cat([drawn.per_image(f"{name}_{plane}", frame) for plane in "RGB"], 1)


def check_planes(frame: Frame, who: str, more: str = "") -> None:
    """Raises ValueError where an image has not the three planes that a color matrix mixes."""
    channels = frame.data.shape[1]
    if channels != 3:
        what = "1 channel" if channels == 1 else f"{channels} channels"
        raise ValueError(f"{who} got {what}, wanted 3: red, green, blue{more}")


def cut(x: Tensor) -> Tensor:
    """What lies outside [0, 1] at its edge; -0 becomes 0."""
    inside = torch.where(x > 0.0, x, 0.0)
    return torch.where(inside < 1.0, inside, 1.0)
