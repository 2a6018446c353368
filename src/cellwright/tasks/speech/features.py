"""The spectrum of speech as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, InputError

SHIFT = 0.010
"""Seconds from one frame to the next."""


class LogMel:
    """Logarithms of the energies in mel bands, less their mean over all of a recording, which is its loudness.

    As in Kaldi: frames of 25 ms every 10 ms, each less its mean, pre-emphasised (x_t - 0.97 x_t-1), under the window of
    Povey (Hann to the power 0.85) and padded to a power of two; of the power spectrum the sums under triangles that are
    equal on the mel scale 1127 ln(1 + f / 700), from 20 Hz to half the sample rate; ln(max(sum, 1.19e-7)). Silence is
    all zeros.

    Args:
        rate: samples per second.
        bands: how many.

    Raises:
        InputError: there are more bands than the spectrum can fill.
        DataError: a recording cannot be read to its end, is too short, or has samples that are no numbers.

    >>> import tempfile, soundfile
    >>> path = Path(tempfile.mkdtemp()) / "tone.wav"
    >>> soundfile.write(path, np.sin(np.arange(800) * 0.7), 8000)
    >>> LogMel(rate=8000, bands=40)(path).shape
    torch.Size([10, 40])
    """

    def __init__(self, rate: int, bands: int) -> None:
        import kaldi_native_fbank

        self.options = kaldi_native_fbank.FbankOptions()
        self.options.frame_opts.samp_freq = rate
        self.options.frame_opts.dither = 0.0
        self.options.frame_opts.snip_edges = False
        self.options.mel_opts.num_bins = bands
        self.rate = rate
        try:
            kaldi_native_fbank.OnlineFbank(self.options)
        except ValueError as error:
            raise InputError(f"--bands {bands} do not fit {rate:,} samples per second: {error}; 40 is usual") from error

    def __call__(self, path: Path) -> Tensor:
        """The features of a recording, float32 `[frames, bands]`; of several channels the mean is heard."""
        import kaldi_native_fbank
        import soundfile

        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise DataError(f"{str(path)!r} cannot be read to its end: {error.error_string}; mend it") from error
        if not np.isfinite(samples).all():
            raise DataError(f"{str(path)!r} has samples that are no numbers; mend it")
        made = kaldi_native_fbank.OnlineFbank(self.options)
        made.accept_waveform(rate, samples.mean(1))
        made.input_finished()
        if not made.num_frames_ready:
            raise DataError(f"{str(path)!r} is shorter than a frame of 10 ms; take it out")
        found = torch.from_numpy(np.stack([made.get_frame(n) for n in range(made.num_frames_ready)]))
        return found - found.mean()


def frames(seconds: float) -> int:
    """How many frames a recording has.

    >>> frames(0.1), frames(0.1049), frames(0.105)
    (10, 10, 11)
    """
    return int(seconds / SHIFT + 0.5 + 1e-9)
