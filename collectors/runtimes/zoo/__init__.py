"""Real architectures with random weights, made with TensorFlow (`pip install 'edgewatt[zoo]'`)."""
