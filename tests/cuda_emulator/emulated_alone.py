"""Which of these tests are of the emulated driver itself, or of what it alone does."""

from __future__ import annotations

EMULATED_ALONE: dict[str, tuple[str, ...]] = {
    "test_contexts.py": (),
    "test_driver_refusals.py": (),
    "test_faults.py": (),
    "test_lost_gpu.py": (),
    "test_ptx_counters.py": (),
    "test_ptx_faults.py": (),
    "test_ptx_floats.py": (),
    "test_ptx_integers.py": (),
    "test_ptx_programs.py": (),
    "test_timing_model.py": (),
    "test_programs.py": (),
    "test_streams.py": (),
    "test_gpu_check.py": (),
    "test_cards.py": (),
    "test_bench.py": (
        "test_a_device_that_is_emulated_is_named_as_one",
        "test_json_names_card_driver_and_toolkit",
        "test_flops_are_of_the_cards_peak",
    ),
    # Its card's limits: shared memory a block, memory.
    "test_runtime.py": ("test_more_shared_memory_than_usual_is_requested_and_too_much_is_refused",),
    "test_runtime_errors.py": ("test_out_of_memory_names_what_is_large_and_the_batch_that_fits",),
    "test_runtime_processes.py": ("test_the_report_says_what_functions_run_on",),
}
"""By file: all of its tests, or those of these names. They are not run on a GPU."""
