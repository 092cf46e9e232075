"""Seeded randomness. Every stream has a name, so an additional draw in one place changes no number elsewhere."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def stream(seed: int, *names: int | str) -> np.random.Generator:
    """Return the generator with these names under `seed`.

    Raises ValueError if the seed, or a number among the names, is negative.
    """
    words = [name if isinstance(name, int) else zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng([seed, *words])


def smooth(white: FloatArray, time_constant: float) -> FloatArray:
    """Turn white noise of unit variance into autocorrelated noise of about unit variance.

    `time_constant` is in array steps. The first steps have no past: for noise that is continuous over midnight,
    prepend the day before and cut it off again.
    """
    reach = int(np.ceil(4 * time_constant))
    kernel = np.exp(-np.arange(reach + 1) / time_constant)
    kernel /= np.sqrt(np.sum(kernel**2))
    return np.convolve(white, kernel)[: white.size]


def lag(signal: FloatArray, time_constant: float) -> FloatArray:
    """Return the body's delayed response to a signal: an exponential approach, `time_constant` in array steps."""
    reach = int(np.ceil(5 * time_constant))
    kernel = np.exp(-np.arange(reach + 1) / time_constant)
    return np.convolve(signal, kernel / kernel.sum())[: signal.size]
