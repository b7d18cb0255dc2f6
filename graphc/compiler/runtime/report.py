"""`device_report`: the device that functions run on, and the tools."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field, fields

from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.device import select_device
from graphc.compiler.runtime.gpu import cuda, nvcc
from graphc.compiler.runtime.gpu.probe import dotted
from graphc.config import config
from graphc.errors import DeviceError

_CUDA_PRECISION = (
    "float32 is IEEE float32 everywhere: no TF32, no reduced-precision products, no fast-math; "
    "a product and a sum may become one fused multiply-add"
)
_CPU_PRECISION = "float32 is IEEE float32 everywhere, as NumPy computes it"
_NATIVE_PRECISION = (
    "float32 is IEEE float32 everywhere, with no fast-math; a product and a sum may become one "
    "fused multiply-add"
)


def _shards() -> str:
    number = int(config.shards)
    what = "shards of a batch; BatchNormalization trains on the statistics of each shard"
    return f"{number} {what}" if number > 1 else ""


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """The device that functions run on now; printed as one line a field. Empty is what a CPU does
    not have.

    Attributes:
        device: the name of the GPU, or of the CPU.
        executor: what runs functions there.
        capability: the GPU's compute capability.
        multiprocessors: how many the GPU has.
        memory: the GPU's.
        shared_memory: what a block may have at most.
        driver: the version of CUDA that the driver is for.
        toolkit: the release of the CUDA toolkit whose nvcc compiles kernels.
        pycuda: its version.
        compiler: the C++ compiler whose code runs on the CPU: its version, its path, its flags.
        threads: how many that code runs on.
        cache: the folder of compiled kernels.
        floatX: the type of weights and of data whose type is not given.
        precision: what float32 means.
        shards: how many a batch is divided into, where the flag says more than one.
    """

    device: str
    executor: str
    capability: str = ""
    multiprocessors: str = ""
    memory: str = ""
    shared_memory: str = ""
    driver: str = ""
    toolkit: str = ""
    pycuda: str = ""
    compiler: str = ""
    threads: str = ""
    cache: str = ""
    floatX: str
    precision: str
    shards: str = field(default_factory=_shards)

    def __str__(self) -> str:
        rows = [(one.name.replace("_", " "), getattr(self, one.name)) for one in fields(self)]
        return "\n".join(f"{name:<16}{value}" for name, value in rows if value)

    __repr__ = __str__


def device_report() -> DeviceReport:
    """The device that the flags `device` and `cpu` pick. DeviceError where they cannot be met."""
    if select_device() == "cpu":
        return _cpu_report()
    facts = cuda.device().facts
    cache = kernel_cache()
    compiler = nvcc.find_compiler(cache)
    release = compiler.release
    version, built_with = cuda.versions()
    return DeviceReport(
        device=facts.name,
        executor="generated CUDA kernels, through PyCUDA",
        capability=dotted(facts.capability),
        multiprocessors=str(facts.multiprocessors),
        memory=f"{facts.memory / 2**30:.1f} GiB",
        shared_memory=f"{facts.shared_opt_in // 1024} KiB a block",
        driver=f"CUDA {dotted(facts.driver_version)}",
        toolkit=f"CUDA {dotted(release)}" if release else compiler.version.strip(),
        pycuda=f"{version}, built with CUDA {dotted(built_with[:2])}",
        cache=str(cache.folder),
        floatX=config.floatX,
        precision=_CUDA_PRECISION,
    )


def _cpu_report() -> DeviceReport:
    name = f"CPU ({platform.processor() or platform.machine()})"
    cache = kernel_cache()
    why, compiler = f"cpu={config.cpu}", None
    if config.cpu != "numpy":
        try:
            compiler = toolchain.find_compiler(cache)
        except DeviceError as error:
            if config.cpu == "native":
                raise
            why = f"cpu=auto; {error}"
    if compiler is None:
        interpreter = f"the NumPy interpreter ({why})"
        return DeviceReport(
            device=name, executor=interpreter, floatX=config.floatX, precision=_CPU_PRECISION
        )
    small = "; small functions are interpreted" if config.cpu == "auto" else ""
    return DeviceReport(
        device=name,
        executor=f"generated C++ (cpu={config.cpu}{small})",
        compiler=f"{compiler.version} ({compiler.path} {' '.join(compiler.flags)})",
        threads=toolchain.threads(compiler),
        cache=str(cache.folder),
        floatX=config.floatX,
        precision=_NATIVE_PRECISION,
    )
