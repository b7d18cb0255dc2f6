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

FORM = """\
the folder that has the corpus' folders Ironic and Regular, one text file a review, with
<STARS>1.0</STARS> <TITLE>...</TITLE> ... <REVIEW>...</REVIEW> in it; or a file of tab-separated
columns named in its first line: ironic (0 or 1), stars, title, review"""

WHERE_TO_GET_IT = """\
It is the sarcasm corpus of E. Filatova (LREC 2012), 1,254 reviews. Its author has it at
https://github.com/ef2020/SarcasmAmazonReviewsCorpus, as Ironic.rar and Regular.rar; as Python
unpacks no such archives, there is no --download."""

FEATURES = ("negative", "neutral", "positive", "compound", "stars", "length")

# The end of a sentence; in reviews the space behind it is often forgotten.
_END = re.compile(r"""[.!?]+["')\]]*(?:\s+|(?=[A-Z]))""")
_NO_END = re.compile(r"(?:^|[\s(])(?:(?:[A-Za-z]\.)*[A-Za-z]|Mrs?|Ms|Dr|St|Jr|Sr|vs)$")
_LONG = 50  # words
_TAGS = ("STARS", "TITLE", "REVIEW")
_COLUMNS = ("ironic", "stars", "title", "review")


class Review(NamedTuple):
    ironic: bool
    stars: float
    title: str
    text: str


def read(path: Path) -> list[Review]:
    """All reviews, from the corpus' two folders in `path`, or from a table.

    Raises ValueError, which names the file, for one that is not as `FORM` says.
    """
    return list(_from_folders(path) if path.is_dir() else _from_table(path))


def _from_folders(path: Path) -> Iterator[Review]:
    for folder, ironic in (("Ironic", "1"), ("Regular", "0")):
        for file in sorted((path / folder).glob("*.txt")):
            raw = file.read_bytes()
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
            yield _review(file, ironic, *(_tagged(file, text, tag) for tag in _TAGS))


def _tagged(file: Path, text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{file} has no part <{tag}>...</{tag}>")
    return " ".join(html.unescape(found[1]).split())


def _from_table(path: Path) -> Iterator[Review]:
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", restval="")
        try:
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise ValueError(f"{path} has no column {', '.join(missing)} in its first line")
            for row in rows:
                yield _review(f"{path}, line {rows.line_num}", *(row[name] for name in _COLUMNS))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is no table of text: {error}") from error


def _review(where: object, ironic: str, stars: str, title: str, text: str) -> Review:
    if ironic not in ("0", "1"):
        raise ValueError(f"{where}: ironic is {ironic!r}, neither 0 nor 1")
    if not re.fullmatch(r"\s*[1-5](\.0)?\s*", stars):
        raise ValueError(f"{where}: stars are {stars!r}, no number from 1 to 5")
    return Review(ironic == "1", float(stars), title, text)


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
