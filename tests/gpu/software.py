"""Chromium's SwiftShader as a Vulkan device, for a process of its own."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DRIVER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
NEEDED = "The tests of WebGPU need a software GPU: apt-get install -y chromium libvulkan1"


def environment() -> dict[str, str]:
    """What a process needs to find it; fails on Linux where it is not installed."""
    if sys.platform != "linux":
        pytest.skip("the software GPU is tried on Linux only")
    if not DRIVER.exists() or not find_spec("onnxruntime_ep_webgpu"):
        pytest.fail(NEEDED)
    software = {"VK_DRIVER_FILES": str(DRIVER), "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER": "1"}
    return os.environ | software | {"SENSORIUM_MEASURE": "off"}
