"""The passes of the CPU."""

from __future__ import annotations

from graphc.compiler.targets.cpu.convolutions.exchange import exchange_operands
from graphc.compiler.targets.passes import DIVIDE_CONCATENATIONS, SINK_TRANSPOSES, TargetPass

EXCHANGE_OPERANDS = TargetPass(
    "exchange_operands",
    exchange_operands,
    "Vectors hold the filters of a convolution of long windows, as the gradient of weights is. "
    "Where there are more channels than filters, they hold the channels so; and what was between "
    "the elements of an image, as zeros, is skipped.",
)

CPU_PASSES = (DIVIDE_CONCATENATIONS, EXCHANGE_OPERANDS, SINK_TRANSPOSES)
"""The passes of native code, in order."""
