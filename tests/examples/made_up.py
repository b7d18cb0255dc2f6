"""Small data in the form of the corpus of reviews and of the archive of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TEMPLATE = """<STARS>{stars}</STARS>
<TITLE>{title}</TITLE>
<DATE>May 1, 2010</DATE>
<AUTHOR>A. Nonymous</AUTHOR>
<PRODUCT>A lamp</PRODUCT>
<REVIEW>
{text}
</REVIEW>
"""
PRAISE = "A good lamp. I like the light, and it was cheap!"
SCORN = "What a wonderful lamp. It broke in a day. Thank you so much for this horrible thing."


def review_folders(where: Path, count: int) -> Path:
    """`where` with as many reviews of each kind."""
    for folder, text, stars in (("Ironic", SCORN, 1.0), ("Regular", PRAISE, 5.0)):
        (where / folder).mkdir()
        for number in range(count):
            page = TEMPLATE.format(stars=stars, title=f"Lamp {number}", text=text)
            (where / folder / f"{number:02}.txt").write_text(page, encoding="utf-8")
    return where


def archive_folder(where: Path, count: int) -> Path:
    """`where` with the two .ts files of BasicMotions, as many recordings of each motion in each:
    noise at the height of 0, 1, 2 and 3."""
    where.mkdir()
    random = np.random.RandomState(1)
    for part in ("TRAIN", "TEST"):
        lines = ["#Made up.", "@problemName 'BasicMotions'", "@timeStamps false", ""]
        lines += ["@classLabel true Standing Running Walking Badminton", "@data"]
        for height, motion in enumerate(["Badminton", "Running", "Standing", "Walking"] * count):
            axes = random.normal(height % 4, 0.1, (6, 100)).round(6)
            lines.append(":".join([*(",".join(map(str, axis)) for axis in axes), motion]))
        text = "\n".join(lines) + "\n"
        (where / f"BasicMotions_{part}.ts").write_text(text, encoding="utf-8")
    return where
