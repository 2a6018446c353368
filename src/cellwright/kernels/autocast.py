"""Whether autocast is on, for any kind of device."""

from __future__ import annotations

import torch


def autocast_dtype(device: str) -> torch.dtype | None:
    """The dtype that autocast gives to products on a device; None where it is off."""
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return None
    return torch.get_autocast_dtype(device)
