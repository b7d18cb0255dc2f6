"""C++ that runs the native mathematical functions over arrays and measures their errors."""

from __future__ import annotations

import re

from graphc import resources

UNARY = ("exp", "expm1", "log", "log1p", "sigmoid", "tanh", "erf", "sin", "cos")
EXACT = ("floor", "round", "sqrt", "rsqrt")
FUNCTIONS = (*UNARY, "pow", *EXACT)
TYPES = {"float32": "float", "float64": "double"}

LOOP = """
extern "C" void {name}_{dtype}(const {c}* x, const {c}* y, {c}* z, long n) {{
  (void)y;
  for (long i = 0; i < n; ++i) z[i] = gc_{name}({arguments});
}}
"""

# The reference is the C library's function in a longer type. An infinite result counts as the
# power of two that follows the largest number, so that a result which rounds the other way at the
# very limit is half a unit off, and any other is far off.
ERRORS = """
#include <cmath>
#include <limits>
template <typename T> T sigmoid(T x) { return 1 / (1 + std::exp(-x)); }
using std::exp; using std::expm1; using std::log; using std::log1p; using std::tanh;
using std::erf; using std::sin; using std::cos; using std::pow;

template <typename T, typename Long> double error(T received, Long expected) {
  typedef std::numeric_limits<T> Limits;
  if (std::isnan(received) || std::isnan(expected))
    return std::isnan(received) && std::isnan(expected) ? 0 : INFINITY;
  if (std::signbit(received) != std::signbit(expected)) return INFINITY;
  const Long end = std::ldexp((Long)1, Limits::max_exponent);
  Long one = std::fabs((Long)received), other = std::fabs(expected);
  if (one > end) one = end;
  if (other > end) other = end;
  const int exponent = other > 0 ? std::ilogb(other) : Limits::min_exponent;
  const int least = Limits::min_exponent - 1, most = Limits::max_exponent - 1;
  const int place = (exponent < least ? least : exponent > most ? most : exponent);
  return (double)std::ldexp(std::fabs(one - other), Limits::digits - 1 - place);
}
"""

WORST = """
extern "C" double worst_{name}_{dtype}(const {c}* x, const {c}* y, const {c}* z, long n,
                                       long* at) {{
  double most = 0;
  (void)y;
  for (long i = 0; i < n; ++i) {{
    const double one = error(z[i], {name}({arguments}));
    if (one > most) {{ most = one; *at = i; }}
  }}
  return most;
}}
"""

# The function of double, some 2**27 times as exact, is the reference. A result that is the
# reference rounded counts as half a unit off.
EVERY = """
extern "C" double every_{name}(unsigned int* at) {{
  double most = 0.5;
  gc_uint64 bits = 0;
  do {{
    const float x = gc_from_bits((unsigned int)bits);
    const float received = gc_{name}(x);
    const double expected = gc_{name}((double)x), size = GC_LIBRARY(fabs)(expected);
    if (received == (float)expected || (received != received && expected != expected)) continue;
    const double end = 0x1p128, far = GC_LIBRARY(fabs)(received), one = far < end ? far : end;
    const double power = gc_from_bits(gc_bits(size > 0x1p-126 ? size : 0x1p-126) >> 52 << 52);
    double units = GC_LIBRARY(fabs)(one - (size < end ? size : end)) * 0x1p23 / power;
    if ((received < 0) != (expected < 0) || units != units) units = gc_infinity<double>();
    if (units > most) {{ most = units; *at = (unsigned int)bits; }}
  }} while (++bits >> 32 == 0);
  return most;
}}
"""


def loops() -> str:
    """A loop over arrays, ``NAME_DTYPE(x, y, z, n)``, for each function and type."""
    made = []
    for name in FUNCTIONS:
        arguments = "x[i], y[i]" if name == "pow" else "x[i]"
        for dtype, c in TYPES.items():
            made.append(LOOP.format(name=name, dtype=dtype, c=c, arguments=arguments))
    return "\n".join(('#define GC_NATIVE_MATH\n#include "pointwise.cuh"', *made))


def every() -> str:
    """``every_NAME(at)``: the largest error in ulp of all floats, and the bits of one."""
    made = [EVERY.format(name=name) for name in UNARY]
    return "\n".join(('#define GC_NATIVE_MATH\n#include "pointwise.cuh"', *made))


def errors() -> str:
    """``worst_NAME_DTYPE(x, y, z, n, at)``: the largest error of results z in ulp, and where."""
    made = []
    for name in (*UNARY, "pow"):
        for dtype, c in TYPES.items():
            longer = "(double)" if c == "float" else "(long double)"
            arguments = ", ".join(f"{longer}{one}[i]" for one in "xy"[: 1 + (name == "pow")])
            made.append(WORST.format(name=name, dtype=dtype, c=c, arguments=arguments))
    return ERRORS + "\n".join(made)


def bounds() -> dict[tuple[str, str], float]:
    """The largest errors that the comment of native_math.h states, by function and dtype."""
    text = (resources.folder("kernels") / "native_math.h").read_text()
    rows = re.findall(r"(\w+) +(\d\.\d+) +(\d\.\d+)", text)
    return {
        (name, dtype): float(bound)
        for name, *both in rows
        for dtype, bound in zip(TYPES, both, strict=True)
    }
