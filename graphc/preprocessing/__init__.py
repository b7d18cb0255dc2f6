"""From raw data to arrays: sequences of numbers, texts, images."""
