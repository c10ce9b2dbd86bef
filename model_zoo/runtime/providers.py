"""What this machine offers onnxruntime: cores, execution providers, and why one is missing."""

from __future__ import annotations

import contextlib
import os
import platform
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from model_zoo.errors import brief

# Our names for onnxruntime's providers; the order is the order in which `doctor` lists them.
EXECUTION_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
    "mlx": "MLXExecutionProvider",
}
PROVIDERS = tuple(EXECUTION_PROVIDERS)
THREADS = ("SENSORIUM_THREADS", "OMP_NUM_THREADS")  # limits that a person may set, ours first
LONGEST_NUMBER = 10  # digits


LOST: dict[str, str] = {}  # providers whose device failed in the middle of a run, and how


@dataclass(frozen=True)
class Plugin:
    """A package that brings a provider, registered beside plain onnxruntime.

    `library`: its function that gives the path of the library. `missing`: what a person without a
    device does.
    """

    package: str
    install: str
    library: str = "get_library_path"
    missing: str = "the plugin found no device that it supports"


PLUGINS = {
    "openvino": Plugin(
        "onnxruntime-ep-openvino", '"sensorium[cpu]"',
        missing="the plugin does not support this processor",
    ),
    "webgpu": Plugin(
        "onnxruntime-ep-webgpu", '"sensorium[webgpu]"',
        missing="the plugin found no GPU; on Linux it needs the Vulkan loader (in Debian "
        "libvulkan1) and the GPU's own Vulkan driver",
    ),
    # For Apple's chips; not tried where this was written.
    "mlx": Plugin("onnxruntime-ep-mlx", "onnxruntime-ep-mlx", "library_path"),
}  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """Whether a provider can be asked for here, and in plain words why or why not."""

    provider: str
    ready: bool
    reason: str


@cache
def offers() -> dict[str, Offer]:
    """What every known provider has to say on this machine."""
    import onnxruntime

    built_in = set(onnxruntime.get_available_providers())
    found = {}
    for provider, name in EXECUTION_PROVIDERS.items():
        if provider in PLUGINS and name not in built_in:
            found[provider] = _plugin_offer(provider)
        elif name in built_in:
            found[provider] = Offer(provider, True, "part of the installed onnxruntime")
        else:
            found[provider] = Offer(provider, False, _missing(provider))
    return found


def ready() -> tuple[str, ...]:
    """The providers that can be asked for here, `cpu` first."""
    return tuple(name for name, offer in offers().items() if offer.ready)


@cache
def plugin_device(provider: str) -> Any | None:
    """onnxruntime's device for a provider of PLUGINS, None without the plugin or the hardware.

    The program around us may have registered the plugin, its own or another and under any name.
    """
    if (device := _registered(provider)) is not None:
        return device
    plugin = PLUGINS[provider]
    try:
        package = import_module(plugin.package.replace("-", "_"))
    except ImportError:
        return None
    import onnxruntime

    try:
        onnxruntime.register_execution_provider_library(
            EXECUTION_PROVIDERS[provider], getattr(package, plugin.library)()
        )
    except Exception as error:
        if "already registered" not in str(error):
            raise
    return _registered(provider)


def _registered(provider: str) -> Any | None:
    import onnxruntime

    for device in onnxruntime.get_ep_devices():
        if provider == "openvino":  # which has devices for GPUs too, and may go by any name
            found = device.ep_metadata.get("ov_device") == "CPU"
        else:
            found = device.ep_name == EXECUTION_PROVIDERS[provider]
        if found:
            return device
    return None


def is_simulated(provider: str) -> bool:
    """Whether the device of a GPU plugin is a processor that plays a GPU: right, but very slow."""
    if provider in ("cpu", "openvino") or provider not in PLUGINS:
        return False
    device = plugin_device(provider)
    return device is not None and "CPU" in str(device.device.type)


@cache
def processor_flags() -> frozenset[str]:
    """The instruction sets that the processor names, as Linux spells them; elsewhere none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    lines = (line.partition(":") for line in text.splitlines())
    return frozenset(
        next((flags for name, _, flags in lines if name.strip() == "flags"), "").split()
    )


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 itself; without it bf16 is never tried."""
    return bool(processor_flags() & {"amx_bf16", "avx512_bf16"})


def has_amx() -> bool:
    """Whether it multiplies whole tiles of bfloat16, several times faster than float32."""
    return "amx_bf16" in processor_flags()


@cache
def usable_cores() -> int:
    """Cores that this process may keep busy, and so the threads of a model: its affinity, cut by a
    container's CPU quota and by the first of `THREADS` that is set.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity to ask for
        cores = os.cpu_count() or 1
    _, limit = thread_limit() or ("", cores)
    return max(1, min(cores, limit, _cgroup_quota() or cores))


@cache
def physical_cores(root: Path = Path("/")) -> int:
    """Of the usable cores those that share no arithmetic units; only Linux tells them apart."""
    try:
        numbers = os.sched_getaffinity(0)
        topology = root / "sys/devices/system/cpu"
        siblings = {
            (topology / f"cpu{number}/topology/thread_siblings_list").read_text(encoding="ascii")
            for number in numbers
        }
    except (AttributeError, OSError):
        return usable_cores()
    return min(len(siblings), usable_cores())


@dataclass(frozen=True)
class Workers:
    """A session's threads, and whether they spin for a moment while they wait for each other."""

    threads: int = field(default_factory=usable_cores)
    spin: bool = False


def thread_limit() -> tuple[str, int] | None:
    """The variable of `THREADS` that limits us and its number; warns of what is no number."""
    for name in THREADS:
        # OMP_NUM_THREADS may be a list: a number for each level of nested loops
        value = os.environ.get(name, "").partition(",")[0].strip()
        if value.isdecimal() and len(value) < LONGEST_NUMBER and int(value) > 0:
            return name, int(value)
        if value:
            warnings.warn(
                f"{name} is {brief(value)}, not a whole number from 1: it is ignored.", stacklevel=2
            )
    return None


@cache
def processor() -> str:
    """The processor's name as the system gives it, for reports and for `tune`'s memory."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _plugin_offer(provider: str) -> Offer:
    plugin = PLUGINS[provider]
    try:
        device = plugin_device(provider)
    except Exception as error:  # a plugin built for another onnxruntime fails in its own ways
        return Offer(provider, False, f"the plugin does not load: {error}")
    if device is not None:
        simulated = ", a processor that plays one" if is_simulated(provider) else ""
        what = "this processor" if provider == "openvino" else f"a GPU{simulated}"
        return Offer(provider, True, f"the plugin found {what}")
    if find_spec(plugin.package.replace("-", "_")) is None:
        return Offer(provider, False, f"not installed: pip install {plugin.install}")
    return Offer(provider, False, f"{plugin.missing} ({processor()})")


def _missing(provider: str) -> str:
    if provider == "cuda":
        return 'needs an NVIDIA GPU and pip install "sensorium[gpu]" in place of [cpu]'
    return "not in the installed onnxruntime"


def _cgroup_quota(root: Path = Path("/")) -> int | None:
    """Whole cores that a container or a slice may use on Linux, None where nothing limits them.

    The smallest quota from this process's own group up to the one above all (cgroup v1 and v2).
    """
    shares = []
    for group in _groups(root):
        try:
            if (limit := group / "cpu.max").exists():
                quota, period = limit.read_text(encoding="ascii").split()
            else:
                quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii")
                period = (group / "cpu.cfs_period_us").read_text(encoding="ascii")
            if int(quota) > 0:  # v1 says -1 where there is none, v2 "max"
                shares.append(max(1, int(quota) // int(period)))
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return min(shares, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's control groups for processors, each with those above it."""
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        mounts = (root / "proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    paths: dict[str, str] = {}  # by controller; v2 has one group for all, and no name for it
    for line in groups:
        _, named, path = line.split(":", 2)
        paths |= dict.fromkeys(named.split(","), path)
    for line in mounts:
        mount, _, kind = line.partition(" - ")
        controllers = kind.rpartition(" ")[2].split(",")
        if kind.startswith("cgroup2 "):
            name = ""
        elif kind.startswith("cgroup ") and "cpu" in controllers:
            name = "cpu"
        else:
            continue
        if name not in paths:
            continue
        above, mounted = mount.split(" ")[3:5]
        top = root / mounted.lstrip("/")
        with contextlib.suppress(ValueError):  # a container may see itself in a group elsewhere
            inside = PurePosixPath(paths[name]).relative_to(above)
            yield from (top / part for part in (inside, *inside.parents))
            continue
        yield top
