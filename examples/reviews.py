"""The sarcasm corpus, read, and each review as the sentiment of its sentences, one after another.

E. Filatova, "Irony and Sarcasm: Corpus Generation and Analysis Using Crowdsourcing", LREC 2012.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

WHERE_TO_GET_IT = """\
no data: give --data PATH, the sarcasm corpus of E. Filatova (LREC 2012), 1,254 reviews. Its author
has it at https://github.com/ef2020/SarcasmAmazonReviewsCorpus, as Ironic.rar and Regular.rar; as
Python unpacks no such archives, there is no --download. PATH is either
- the folder that has the unpacked folders Ironic and Regular, one text file a review, with
  <STARS>1.0</STARS> <TITLE>...</TITLE> ... <REVIEW>...</REVIEW> in it; or
- a file of tab-separated columns named in its first line: ironic (0 or 1), stars, title, review."""

FEATURES = ("negative", "neutral", "positive", "compound", "stars", "length")

# The end of a sentence; in reviews the space behind it is often forgotten.
_END = re.compile(r"""[.!?]+["')\]]*(?:\s+|(?=[A-Z]))""")
_NO_END = re.compile(r"(?:^|[\s(])(?:(?:[A-Za-z]\.)*[A-Za-z]|Mrs?|Ms|Dr|St|Jr|Sr|vs)$")
_LONG = 50  # words


class Review(NamedTuple):
    ironic: bool
    stars: float
    title: str
    text: str


def read(path: Path) -> list[Review]:
    """All reviews, from the corpus' two folders in `path`, or from a table.

    Raises ValueError, which names the file, for one that is not in the form of `WHERE_TO_GET_IT`.
    """
    found = list(_from_folders(path) if path.is_dir() else _from_table(path))
    if len({review.ironic for review in found}) < 2:
        raise ValueError(f"{path}: expected ironic and regular reviews, found {len(found)} in all")
    return found


def _from_folders(path: Path) -> Iterator[Review]:
    for folder, ironic in (("Ironic", True), ("Regular", False)):
        for file in sorted((path / folder).glob("*.txt")):
            raw = file.read_bytes()
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
            stars, title, body = (_tagged(file, text, tag) for tag in ("STARS", "TITLE", "REVIEW"))
            yield Review(ironic, float(stars), title, body)


def _tagged(file: Path, text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{file}: expected a part <{tag}>...</{tag}>, and there is none")
    return " ".join(html.unescape(found[1]).split())


def _from_table(path: Path) -> Iterator[Review]:
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        missing = {"ironic", "stars", "title", "review"} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: expected columns named {', '.join(sorted(missing))}, too")
        for row in rows:
            yield Review(row["ironic"] == "1", float(row["stars"]), row["title"], row["review"])


def sentences(text: str) -> list[str]:
    """The sentences of a text: they end in . ! or ?, but not behind Mr. or the U.S. of initials."""
    found, start = [], 0
    for end in _END.finditer(text):
        if not _NO_END.search(text[start : end.start()]):
            found.append(text[start : end.end()].strip())
            start = end.end()
    return [sentence for sentence in (*found, text[start:].strip()) if sentence]


def features(reviews: list[Review]) -> list[np.ndarray]:
    """A (sentences, 6) array for each review, whose title counts as its first sentence.

    VADER (Hutto, Gilbert, ICWSM 2014) gives the parts of a sentence that are negative, neutral and
    positive, and all in one number from -1 to 1. The stars are from 0.2 to 1: no sentence is a row
    of zeros, as padding is.
    """
    analyzer = SentimentIntensityAnalyzer()

    def row(sentence: str, stars: float) -> tuple[float, ...]:
        score = analyzer.polarity_scores(sentence)
        length = min(len(sentence.split()), _LONG) / _LONG
        return score["neg"], score["neu"], score["pos"], score["compound"], stars / 5, length

    return [
        np.array([row(one, review.stars) for one in (review.title, *sentences(review.text))])
        for review in reviews
    ]
