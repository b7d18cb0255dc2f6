"""Compare the times that the model of a card predicts with those that the benches have measured.

python -m benchmarks.bring_up.predictions RESULTS.json
"""

from __future__ import annotations

from benchmarks.bring_up.outcome import tell


def main() -> None:
    tell(None, "there are no predictions in this version to compare with")


if __name__ == "__main__":
    main()
