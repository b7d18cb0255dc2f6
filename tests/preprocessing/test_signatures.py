"""Names, arguments and defaults are those of Keras."""

from tests.test_inventory import problems_of


def test_what_keras_had_is_here_with_the_same_arguments():
    assert problems_of("preprocessing") == ""
