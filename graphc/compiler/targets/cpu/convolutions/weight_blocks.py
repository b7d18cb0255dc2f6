"""Mapping of convolutions of few and long windows that have many sums, as the gradients of large
weights are: threads divide blocks of channels and filters, each of which adds up all samples.

    for i1_outer < 8 (team):
      allocate s0: float32[8, 64, 3, 3, 32] in thread
      ...                                             zeros
      for k0 < batch:
        allocate matrix: float32[8, 7, 7, 32] in thread
        ...                                           copy the cotangents of some filters
        allocate image: float32[64, 9, 9] in thread
        ...                                           copy some channels with the zeros around them
        for i0_outer < 8:
          gc_window_sums<gc_height(12), 7, 7, true, true, 3, 3>(s0[i0_outer, ...], ...)
      ...                                             what follows of a sum

A block's sums stay in the second cache. In `weight_gradients` each thread has all sums of some of
the samples, which are as many arrays of them as there are parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from math import prod

from graphc.compiler.graph.dim import Dim, typical
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, turns_of
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import For, LoopKind
from graphc.compiler.targets.convolution_loops import (
    ConvolutionLoops,
    dtype_of_sums,
    with_loops_in_order,
)
from graphc.compiler.targets.cpu.convolutions.operands import (
    long_loops_of,
    loops_with_values_inside,
    total_of,
    variables_of_reach,
    with_cut_borders,
)
from graphc.compiler.targets.cpu.convolutions.weight_gradients import (
    PARTS,
    PARTS_OF_SAMPLES,
    LongWindows,
    group_of,
    samples_and_places,
    with_long_windows,
    with_sums_of_sample,
)
from graphc.compiler.targets.cpu.convolutions.winograd import TILES_OF_SAMPLES
from graphc.compiler.targets.cpu.products.pieces import terms_outermost, with_vectors
from graphc.compiler.targets.mapping import Applicability, Mapping, never
from graphc.compiler.targets.target import Target

LEAST_SUMS = 1 << 16
"""Sums from which on they are many. (Of the time by parts of samples, for 4 and for 64 samples:
2,048 channels of 7 x 7 and 512 filters of one tap 0.4 and 0.9, 512 of 28 x 28 and 128 filters 0.5
and 0.8; for 32 samples of 32 channels of 32 x 32 and 32 filters of 5 x 5, 25,600 sums, 1.1;
AVX-512, Sapphire Rapids, two threads.)"""

LEAST_OF_LARGE_SAMPLES = 1 << 14
"""The same where a sample fills more than half of the second cache: a block has some of its
channels. (As above: 256 channels of 56 x 56 and 64 filters of one tap 0.4 and 0.7.)"""

LEAST_OF_TRANSFORMS = 1 << 20
"""The same where samples have transforms, of which there are 16 for 9 sums. (Of the time by these:
256 channels of 14 x 14 and 256 filters 0.5 and 1.4, 512 of 7 x 7 and 512 filters 0.2 and 0.9.)"""

BLOCK = 1 << 16
"""Sums of a block, at most: 256 KiB of float32."""


def _has_many_sums(program: LoopProgram, target: Target) -> Applicability:
    answer = PARTS_OF_SAMPLES.when(program, target)
    if answer.refusal:
        return answer
    _, loops = loops_with_values_inside(program, long_loops_of)
    assert isinstance(loops, ConvolutionLoops)
    channels = _channels_of(loops)
    if channels is None:
        return never("its windows have no channels")
    sums = turns_of((*loops.windows, *loops.filters))
    if isinstance(sums, Dim):
        return never("only a call knows how many sums there are")
    least = LEAST_OF_LARGE_SAMPLES if _are_samples_large(loops, channels, target) else LEAST_SUMS
    if not TILES_OF_SAMPLES.when(program, target).refusal:
        least = LEAST_OF_TRANSFORMS
    if sums < least:
        return never(f"there are {sums} sums, fewer than {least}")
    count = turns_of(loops.filters)
    assert isinstance(count, int)
    of_channels = channels.ends[0].constant
    assert isinstance(of_channels, int)
    pieces = of_channels * (count // group_of(count, dtype_of_sums(program)))
    if pieces < PARTS:
        return never(f"there are {pieces} blocks of them at most, fewer than {PARTS}")
    return answer


def _are_samples_large(loops: ConvolutionLoops, channels: For, target: Target) -> bool:
    """Return True if the elements of a sample that windows read, one for each channel and place,
    fill more than half of the second cache, for all that is known."""
    _, places = samples_and_places(loops)
    return typical(turns_of([channels, *places])) * 8 > target.second_cache_bytes


def _channels_of(loops: ConvolutionLoops) -> For | None:
    """Return the loop over channels, each of which has an image of its own."""
    reach = variables_of_reach(loops)
    return next((one for one in loops.windows if one.variable not in reach), None)


def _by_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide blocks of channels and filters over threads; add what a sample gives to a block by
    calls, a sample after the other."""
    _, loops = loops_with_values_inside(program, long_loops_of)
    assert isinstance(loops, ConvolutionLoops)
    channels = _channels_of(loops)
    assert channels is not None
    program, found = with_long_windows(program, has_groups=True)
    program, blocks, found = _with_blocks(program, found, channels.variable.name)
    total = total_of(program, found.sample).name
    for loop in reversed(found.nest):
        program = expand(program, loop, total, BufferScope.THREAD)
    program = terms_outermost(program, found.nest, found.sample, nests=3)
    program = with_sums_of_sample(program, found)
    if len(blocks) > 1:
        program = fuse(program, *blocks)
    block = "_".join(blocks)
    program = with_cut_borders(bind(program, block, LoopKind.TEAM), "image")
    return with_vectors(simplify(program))


def _with_blocks(
    program: LoopProgram, found: LongWindows, channel: str
) -> tuple[LoopProgram, list[str], LongWindows]:
    """Return a program with loops over blocks of channels and of groups of filters around all, the
    names of these loops, and the loops of a block."""
    taps = [one for one in found.windows if one != channel]
    inside = _turns(program, [*taps, *found.filters])
    sizes = _turns(program, [channel]), _turns(program, found.groups)
    several = _block_of(sizes, inside, _turns(program, found.filters))
    nest, blocks = list(found.nest), []
    for name, block in zip((channel, *found.groups), several, strict=False):
        program = split(program, name, block, Tail.NONE)
        blocks.append(f"{name}_outer")
        nest[nest.index(name)] = f"{name}_inner"
    groups, windows = len(found.groups), len(found.windows)
    program = with_loops_in_order(program, [*blocks, *nest])
    return (
        program,
        blocks,
        replace(found, groups=tuple(nest[:groups]), windows=tuple(nest[groups : groups + windows])),
    )


def _turns(program: LoopProgram, loops: Sequence[str]) -> int:
    turns = turns_of([program.loop(one) for one in loops])
    assert isinstance(turns, int)
    return turns


def _block_of(sizes: tuple[int, int], inside: int, filters: int) -> tuple[int, int]:
    """Return how many channels and groups of filters a block has: of the numbers that divide them,
    those for which samples are copied least.

    Args:
        sizes: the numbers of channels and of groups.
        inside: the sums of a channel and a group.
        filters: those of a group.
    """
    channels, groups = sizes

    def copies(block: tuple[int, int]) -> tuple[int, int]:
        """Return the elements that are copied for a place of a sample, and the number of blocks."""
        of_channels, of_groups = channels // block[0], groups // block[1]
        return of_channels * groups * filters + of_groups * channels, of_channels * of_groups

    numbers = itertools.product(_divisors(channels), _divisors(groups))
    room = [one for one in numbers if prod(one) * inside <= BLOCK]
    enough = [one for one in room if prod(sizes) >= PARTS * prod(one)]
    return min(enough or room or [(1, 1)], key=copies)


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]


BLOCKS_OF_WEIGHTS = Mapping(
    "blocks of weights",
    _has_many_sums,
    _by_blocks,
    "there are many sums, of which each thread has some, once",
)
