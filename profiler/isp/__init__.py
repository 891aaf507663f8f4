"""How one camera's pictures differ from another's: white balance and gamma, from photographs of the same scenes."""
