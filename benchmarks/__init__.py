"""The benchmark: Cellwright beside `torch.nn.LSTM` and ONNX Runtime, in one process, on this machine.

Run it with `make bench`, or `python -m benchmarks --help` in an environment with the extra `bench`.
"""
