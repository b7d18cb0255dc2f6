"""examples/sarcasm.py and reviews.py: on the corpus where it is there, else on made-up reviews in
its form."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from examples import reviews
from examples.reviews import Review
from tests.examples.made_up import TEMPLATE, review_folders
from tests.examples.running import data, process, run


def test_without_data_it_says_what_to_get_and_where(tmp_path: Path) -> None:
    done = process("sarcasm.py", tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    for word in ("--data PATH", "https://github.com/ef2020/", "Ironic", "<STARS>", "tab-separated"):
        assert word in done.stderr


def test_made_up_reviews_in_the_form_of_the_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    found = run("sarcasm.py", tmp_path, "--data", review_folders(corpus, 12))
    assert found.lines[0] == f"data: 24 reviews, 12 of them ironic, {corpus}"
    assert found.results["all regular"] == {"accuracy": 0.5, "f1": 0.0}
    # One star is always ironic here.
    assert found.results["stars alone"] == {"accuracy": 1.0, "f1": 1.0}


def test_the_corpus(tmp_path: Path) -> None:
    found = run("sarcasm.py", tmp_path, "--data", data("sarcasm_amazon.tsv"))
    assert set(found.results["stacked GRUs"]) == {"accuracy", "f1"}
    assert (
        found.results["logistic regression"]["accuracy"] > found.results["all regular"]["accuracy"]
    )


def test_all_of_the_corpus_is_read() -> None:
    found = reviews.read(data("sarcasm_amazon.tsv"))
    assert len(found) == 1254
    assert sum(review.ironic for review in found) == 437
    assert {review.stars for review in found} == {1, 2, 3, 4, 5}


def test_folders_and_a_table_are_read_alike(tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    wanted = [
        Review(True, 1.0, 'The "best" café', "Just great & cheap.\tReally."),
        Review(False, 4.0, "Fine", "Works."),
    ]
    with open(table, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t")
        rows.writerow(["id", "ironic", "stars", "title", "product", "review"])
        for review in wanted:
            rows.writerow([0, int(review.ironic), review.stars, review.title, "", review.text])
    assert reviews.read(table) == wanted

    for encoding, folder, review in (
        ("latin-1", "Ironic", wanted[0]),
        ("utf-8", "Regular", wanted[1]),
    ):
        (tmp_path / folder).mkdir()
        text = review.text.replace("&", "&amp;").replace("\t", "\n ")
        page = TEMPLATE.format(stars=review.stars, title=review.title, text=text)
        (tmp_path / folder / "1.txt").write_text(page, encoding=encoding)
    assert reviews.read(tmp_path)[0].text == "Just great & cheap. Really."
    assert [review[:3] for review in reviews.read(tmp_path)] == [review[:3] for review in wanted]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It hurts.The end", ["It hurts.", "The end"]),
        ('He said "no." Then he left...', ['He said "no."', "Then he left..."]),
        (
            "Mr. Fox of the U.S. Army, i.e. a fox. He ran.",
            ["Mr. Fox of the U.S. Army, i.e. a fox.", "He ran."],
        ),
        ("It cost 3.50 and no more", ["It cost 3.50 and no more"]),
        ("", []),
    ],
)
def test_sentences(text: str, found: list[str]) -> None:
    assert reviews.sentences(text) == found


def test_features() -> None:
    """Of a title and three sentences: one without words, one longer than the longest."""
    (rows,) = reviews.features([Review(True, 5.0, "Great!", "I hate it. 1. " + "so " * 60)])
    assert rows.shape == (4, 6)
    assert rows[0, 3] > 0.5
    assert rows[1, 3] < -0.5
    np.testing.assert_allclose(rows[:2, :3].sum(axis=1), 1, atol=0.01)
    np.testing.assert_allclose(rows[:, 4], 1)
    np.testing.assert_allclose(rows[:, 5], [0.02, 0.06, 0.02, 1])
    no_word = rows[2]
    assert no_word.any(), "a row of zeros is padding"
