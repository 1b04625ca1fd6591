"""What the bytes of a run depend on besides its configuration and its data: versions, and the machine's fast kernels.

The order in which a matrix product adds its terms depends on the BLAS library and on the kernel that it chooses for the
processor; NumPy's own loops depend on the processor's SIMD extensions. So the same seed gives other last digits elsewhere.
"""

import platform
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

import minisgl
from minisgl.backend import device_name
from minisgl.errors import MinisglWarning

Environment = dict[str, str]


def environment(xp: Any = np) -> Environment:
    """Return the versions of minisgl, Python and NumPy, and the BLAS library, its kernel and NumPy's SIMD extensions.

    If xp is CuPy, the last three are replaced by the versions of CuPy and of CUDA's runtime, and the GPU's name.
    """
    found = {"minisgl": minisgl.__version__, "python": platform.python_version(), "numpy": np.__version__}
    if gpu := device_name(xp):
        return found | {"cupy": xp.__version__, "cuda": str(xp.cuda.runtime.runtimeGetVersion()), "gpu": gpu}
    config: Any = np.show_config(mode="dicts")
    return found | _blas(config) | {"simd": " ".join(config.get("SIMD Extensions", {}).get("found", [])) or "unknown"}


def _blas(config: Any) -> Environment:
    """Return NumPy's BLAS library. threadpoolctl does not know Apple's Accelerate, whose name NumPy's build has."""
    loaded = sorted((each for each in threadpool_info() if each["user_api"] == "blas"), key=lambda each: each["filepath"])
    # SciPy's wheel has a BLAS library of its own, in scipy.libs
    own = [each for each in loaded if {"numpy", "numpy.libs"} & set(Path(each["filepath"]).parts)] or loaded
    if own:
        library = f"{own[0]['internal_api']} {own[0].get('version') or 'unknown'}"
        return {"blas": library, "blas_kernel": str(own[0].get("architecture") or "unknown")}
    built = config.get("Build Dependencies", {}).get("blas", {})
    return {"blas": f"{built.get('name', 'unknown')} {built.get('version', 'unknown')}", "blas_kernel": "unknown"}


def continued(earlier: Sequence[Environment], now: Environment) -> tuple[Environment, ...]:
    """Return the environments of a run, in order, when it continues in `now`. None is repeated if nothing has changed."""
    return tuple(earlier) if earlier and earlier[-1] == now else (*earlier, now)


def warn_if_changed(run: Path, earlier: Sequence[Environment], now: Environment) -> None:
    """Give a MinisglWarning that names what has changed since the run's checkpoint was made, if that is known."""
    before = earlier[-1] if earlier else now
    if names := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        differ = "; ".join(
            f"{name.replace('_', ' ')}: {before.get(name, 'unknown')} before, {now.get(name, 'unknown')} now" for name in names
        )
        warnings.warn(
            f"the environment has changed since the checkpoint of {run}, so the result may differ from that of an "
            f"uninterrupted run: {differ}",
            MinisglWarning,
            stacklevel=2,
        )
