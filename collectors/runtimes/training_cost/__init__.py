"""What a step of training costs, told by hooks on the model and the optimizer of any PyTorch program."""
