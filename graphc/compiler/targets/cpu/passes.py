"""The passes of the CPU."""

from __future__ import annotations

from graphc.compiler.targets.passes import DIVIDE_CONCATENATIONS, SINK_TRANSPOSES

CPU_PASSES = (DIVIDE_CONCATENATIONS, SINK_TRANSPOSES)
"""The passes of native code, in order."""
