"""Seeded randomness. Every stream is named, so a new draw in one place shifts no number elsewhere."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def stream(seed: int, *names: int | str) -> np.random.Generator:
    """Return the generator of that name under `seed`.

    Raises ValueError when the seed, or a number among the names, is negative.
    """
    words = [name if isinstance(name, int) else zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng([seed, *words])


def smooth(white: FloatArray, time_constant: float) -> FloatArray:
    """Return unit-variance white noise as noise with memory, of about unit variance again.

    `time_constant` is counted in array steps. The first steps know no past; put the day before in front
    and cut it off to get noise that runs on over midnight.
    """
    reach = int(np.ceil(4 * time_constant))
    kernel = np.exp(-np.arange(reach + 1) / time_constant)
    kernel /= np.sqrt(np.sum(kernel**2))
    return np.convolve(white, kernel)[: white.size]


def lag(signal: FloatArray, time_constant: float) -> FloatArray:
    """Return the signal as a body follows it: an exponential approach, `time_constant` in array steps."""
    reach = int(np.ceil(5 * time_constant))
    kernel = np.exp(-np.arange(reach + 1) / time_constant)
    return np.convolve(signal, kernel / kernel.sum())[: signal.size]
