"""The speed: a cell's traced program, printed as the body of a compiled loop, behind one PyTorch operator."""
