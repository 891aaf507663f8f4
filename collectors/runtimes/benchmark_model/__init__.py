"""TensorFlow Lite's `benchmark_model` and LiteRT's tool of that name, executed on a phone or a board."""
