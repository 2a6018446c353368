"""Whether autocast is on, for any kind of device."""

from __future__ import annotations

import torch


def autocast_dtype(device: str) -> torch.dtype | None:
    """The dtype that autocast gives to products on a device; None where it is off."""
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return None
    return torch.get_autocast_dtype(device)


def cast_to(device: str, kept: torch.dtype) -> torch.dtype | None:
    """The dtype that autocast gives to a layer whose weights are kept in one; None where it leaves it alone."""
    return None if kept == torch.float64 else autocast_dtype(device)
