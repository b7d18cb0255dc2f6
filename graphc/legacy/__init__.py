"""What is left of Keras 0.3 in Keras 1.0."""
