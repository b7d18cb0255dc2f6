"""The reports on the training step of a model: its kernels, their programs, memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from graphc.compiler.function.loop_programs import LoopPrograms
from graphc.compiler.function.pass_list import PassList
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.memory_report import MemoryReport
from graphc.compiler.program.time_report import TimeReport
from graphc.engine.topology.container import Container
from graphc.engine.training.trainer import Trainer


class InspectedModel(Container):
    """A container whose training step can be looked into once it is compiled."""

    if TYPE_CHECKING:  # each model makes its own

        @cached_property
        def _graphc_trainer(self) -> Trainer: ...

    def kernels(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
        card: str | None = None,
    ) -> KernelList:
        """Return the kernels of a training step; prints as a table. No GPU is needed.

        Args:
            batch: samples a step; by default 32, as in `fit`, or what the input fixes.
            sizes: numbers for other sizes that only a call knows, by name; see `Function.kernels`.
            target: 'cuda', or 'cpu' (native code); by default what `fit` runs here, and 'cuda'
                where the interpreter runs it.
            card: 't4', 'rtx4090', 'a100' or 'h100': the CUDA kernels that this GPU would run; see
                `Function.kernels`.

        Raises:
            NotCompiledError: before `compile`.
            ArgumentError, ShapeError: a size that is missing or does not fit, or a card that is not
                known.
        """
        trainer = self._graphc_trainer
        step = trainer.need_compiled("kernels").train()
        return step.kernels(trainer.feeds.batch_shown(batch), sizes, target=target, card=card)

    def loop_programs(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
        card: str | None = None,
    ) -> LoopPrograms:
        """Return the kernels of a training step as loop programs: what each computes, as loops over
        elements of arrays; prints as text. Arguments and errors as of `kernels`."""
        trainer = self._graphc_trainer
        step = trainer.need_compiled("loop_programs").train()
        shown = trainer.feeds.batch_shown(batch)
        return step.loop_programs(shown, sizes, target=target, card=card)

    def passes(self, target: str | None = None, card: str | None = None) -> PassList:
        """Return what each pass changes in the graph of a training step, those of the target last;
        prints as text. Arguments as of `kernels`."""
        step = self._graphc_trainer.need_compiled("passes").train()
        return step.passes(target=target, card=card)

    def memory_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
        card: str | None = None,
    ) -> MemoryReport:
        """Return the device memory that a training step takes, value by value; arguments as of
        `kernels`."""
        trainer = self._graphc_trainer
        step = trainer.need_compiled("memory_report").train()
        shown = trainer.feeds.batch_shown(batch)
        return step.memory_report(shown, sizes, target=target, card=card)

    def time_report(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        *,
        card: str,
        nvcc: bool = True,
    ) -> TimeReport:
        """Estimate the time of a training step on a GPU, kernel by kernel. No GPU is needed, and
        none has checked the estimate.

        Args:
            batch, sizes, card: as of `kernels`.
            nvcc: compile the kernels for the registers that they take, where nvcc is on PATH; else
                the estimate is made without them.
        """
        trainer = self._graphc_trainer
        step = trainer.need_compiled("time_report").train()
        shown = trainer.feeds.batch_shown(batch)
        return step.time_report(shown, sizes, card=card, nvcc=nvcc)
