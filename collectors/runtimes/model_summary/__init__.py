"""What a .tflite file holds, from the file alone: operators, MACs, parameters, layer counts."""
