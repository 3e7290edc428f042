"""Grids of grey pixels: shrinking, correlating, sampling between edges, and what is fine in them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float64]
Edges = tuple[float, float, float, float]

FLAT = 2.0
"""Grey levels of standard deviation below which there is nothing to find."""


class Pyramid:
    """Grey pixels with halved copies, so that shrinking a large picture many times costs little."""

    def __init__(self, grey: Grey) -> None:
        from PIL import Image as Pillow

        self.grey, self.shape = grey, grey.shape
        self._levels = [Pillow.fromarray(grey.astype(np.float32))]
        while min(self._levels[-1].size) >= 64:
            self._levels.append(self._levels[-1].reduce(2))

    def resized(self, width: int, height: int) -> Grey:
        """The whole in that size: bilinear where it grows, averaged over the same triangle where it shrinks.

        Made from the smallest copy that is at least twice as large.
        """
        from PIL import Image as Pillow

        if (height, width) == self.shape:
            return self.grey
        enough = [level for level in self._levels if level.width >= 2 * width and level.height >= 2 * height]
        source = enough[-1] if enough else self._levels[0]
        # a halved copy of an odd side covers one more pixel than the picture has
        factor = round(self._levels[0].width / source.width)
        box = (0, 0, self.shape[1] / factor, self.shape[0] / factor)
        return np.asarray(source.resize((width, height), Pillow.Resampling.BILINEAR, box=box), dtype=np.float64)


class Correlator:
    """Normalised cross-correlation of one picture with many templates."""

    def __init__(self, picture: Grey) -> None:
        self.picture = picture - picture.mean()
        self.shape = tuple(_fast(2 * side) for side in picture.shape)
        self.spectrum = np.fft.rfft2(self.picture, self.shape)
        self.sums = _integral(self.picture)
        self.squares = _integral(self.picture**2)

    def peaks(self, template: Grey, count: int) -> Iterator[tuple[int, int]]:
        """The best places (x, y) of the template's upper left corner, apart by a fifth of its size."""
        values = self.map(template)
        reach_y, reach_x = max(1, template.shape[0] // 5), max(1, template.shape[1] // 5)
        for _ in range(count):
            y, x = divmod(int(values.argmax()), values.shape[1])
            yield x, y
            values[max(0, y - reach_y) : y + reach_y + 1, max(0, x - reach_x) : x + reach_x + 1] = -2.0

    def map(self, template: Grey) -> Grey:
        """Correlation at each place where the template lies wholly inside."""
        height, width = template.shape
        template = template - template.mean()
        power = float((template**2).sum())
        product = np.fft.irfft2(self.spectrum * np.conj(np.fft.rfft2(template, self.shape)), self.shape)
        rows, columns = self.picture.shape[0] - height + 1, self.picture.shape[1] - width + 1
        total, square = _windows(self.sums, height, width), _windows(self.squares, height, width)
        variance = np.maximum(square - total**2 / (height * width), 0.0)
        floor = FLAT**2 * height * width / 4  # flat parts of the picture match anything
        found: Grey = product[:rows, :columns] / np.sqrt(np.maximum(variance, floor) * max(power, 1e-9))
        return found


class Sampler:
    """The region on a small grid, and the picture sampled on the same grid between any four edges."""

    def __init__(self, region: Pyramid, picture: Pyramid, edges: Edges, grid: int) -> None:
        width, height = edges[2] - edges[0], edges[3] - edges[1]
        longest = min(grid, math.ceil(max(width, height)), max(region.shape))
        scale = longest / max(width, height)
        self.columns, self.rows = max(6, round(width * scale)), max(6, round(height * scale))
        self.template = region.resized(self.columns, self.rows).ravel()
        self.fx, self.fy = self.columns / width, self.rows / height
        new = max(2, round(picture.shape[1] * self.fx)), max(2, round(picture.shape[0] * self.fy))
        self.picture = picture.resized(*new)
        self.fx, self.fy = new[0] / picture.shape[1], new[1] / picture.shape[0]
        self.u = (np.arange(self.columns) + 0.5) / self.columns
        self.v = (np.arange(self.rows) + 0.5) / self.rows
        self.limit = 3.0 / min(self.fx, self.fy)

    def seen(self, edges: NDArray[np.float64]) -> tuple[Grey, Grey]:
        """The picture between the edges, (n,), and how it changes as each edge moves, (n, 4)."""
        x = (edges[0] + self.u * (edges[2] - edges[0])) * self.fx - 0.5
        y = (edges[1] + self.v * (edges[3] - edges[1])) * self.fy - 0.5
        rows, columns = self.picture.shape
        x, y = np.clip(x, 0, columns - 1.001), np.clip(y, 0, rows - 1.001)
        left, top = x.astype(int), y.astype(int)
        dx, dy = (x - left)[None, :], (y - top)[:, None]
        a, b = self.picture[np.ix_(top, left)], self.picture[np.ix_(top, left + 1)]
        c, d = self.picture[np.ix_(top + 1, left)], self.picture[np.ix_(top + 1, left + 1)]
        upper, lower = a + (b - a) * dx, c + (d - c) * dx
        value = upper + (lower - upper) * dy
        across = ((b - a) * (1 - dy) + (d - c) * dy) * self.fx
        down = (lower - upper) * self.fy
        u, v = self.u[None, :], self.v[:, None]
        parts = [across * (1 - u), down * (1 - v), across * u, down * v]
        return value.ravel(), np.column_stack([part.ravel() for part in parts])


def detail_of(grid: Grey) -> Grey:
    """What is left after smoothing by a thirtieth of the longest side is taken away, less the finest grain."""
    longest = max(grid.shape)
    fine, broad = longest / 128, longest / 32
    return _smoothed(grid, fine) - _smoothed(grid, broad)


def _smoothed(grid: Grey, sigma: float) -> Grey:
    smooth: Grey = _kernel(grid.shape[0], sigma) @ grid @ _kernel(grid.shape[1], sigma).T
    return smooth


def _kernel(length: int, sigma: float) -> Grey:
    """A Gaussian as a matrix, (length, length), whose rows sum to one, so that edges don't darken."""
    distance = np.arange(length)[:, None] - np.arange(length)[None, :]
    weights = np.exp(-0.5 * (distance / sigma) ** 2)
    kernel: Grey = weights / weights.sum(axis=1, keepdims=True)
    return kernel


def correlation(a: Grey, b: Grey) -> float:
    """Pearson correlation of two grids of equal size; 0 where one of them is constant."""
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-9 else 0.0


def _integral(grid: Grey) -> Grey:
    total = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1))
    total[1:, 1:] = grid.cumsum(axis=0).cumsum(axis=1)
    return total


def _windows(integral: Grey, height: int, width: int) -> Grey:
    """Sums over every window of that size that lies inside."""
    sums: Grey = integral[height:, width:] - integral[:-height, width:] - integral[height:, :-width]
    return sums + integral[:-height, :-width]


def _fast(length: int) -> int:
    """The next length that an FFT likes."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1
