"""A `torch.nn.LSTM` as an ONNX graph with the same weights, running under ONNX Runtime."""

import numpy as np
import onnxruntime
import torch
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import nn

from .timing import Call

TORCH_GATES, ONNX_GATES = "ifgo", "iofg"
OPSET, IR_VERSION = 17, 10


def session_call(lstm: nn.LSTM, x: torch.Tensor) -> Call:
    """A call that runs the graph on x [T, B, I] and gives y, h and c in the layout of torch, as arrays."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph(lstm).SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x0": x.numpy()}
    return lambda: session.run(None, feed)


def graph(lstm: nn.LSTM) -> ModelProto:
    """One LSTM node per layer, each followed by the change of layout [T, D, B, H] to [T, B, D H]."""
    layers, directions = range(lstm.num_layers), 2 if lstm.bidirectional else 1
    nodes = [node for layer in layers for node in layer_nodes(layer, directions, lstm.hidden_size)]
    nodes += [helper.make_node("Concat", [f"{s}{layer}" for layer in layers], [s], axis=0) for s in "hc"]
    constants = {"joined": np.array([0, 0, -1])}
    for layer in layers:
        constants |= weights(lstm, layer, directions)
    body = helper.make_graph(
        nodes,
        "lstm",
        inputs=[floats("x0", lstm.input_size)],
        outputs=[floats(f"x{lstm.num_layers}"), floats("h"), floats("c")],
        initializer=[numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def layer_nodes(layer: int, directions: int, hidden: int) -> list[NodeProto]:
    """The nodes from the input of a layer to that of the next."""
    raw, turned = f"raw{layer}", f"turned{layer}"
    lstm = helper.make_node(
        "LSTM",
        [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}"],
        [raw, f"h{layer}", f"c{layer}"],
        hidden_size=hidden,
        direction="bidirectional" if directions == 2 else "forward",
    )
    turn = helper.make_node("Transpose", [raw], [turned], perm=[0, 2, 1, 3])
    join = helper.make_node("Reshape", [turned, "joined"], [f"x{layer + 1}"])
    return [lstm, turn, join]


def weights(lstm: nn.LSTM, layer: int, directions: int) -> dict[str, np.ndarray]:
    """W [D, 4H, I], R [D, 4H, H] and both biases [D, 8H] of a layer, in ONNX's order of gates."""
    names = [f"l{layer}{suffix}" for suffix in ("", "_reverse")[:directions]]
    biases = [[reordered(lstm, f"bias_{part}_{name}") for part in ("ih", "hh")] for name in names]
    return {
        f"W{layer}": np.stack([reordered(lstm, f"weight_ih_{name}") for name in names]),
        f"R{layer}": np.stack([reordered(lstm, f"weight_hh_{name}") for name in names]),
        f"B{layer}": np.stack([np.concatenate(pair) for pair in biases]),
    }


def reordered(lstm: nn.LSTM, name: str) -> np.ndarray:
    """A parameter of torch with its gates in ONNX's order."""
    gates = np.split(lstm.get_parameter(name).detach().numpy(), len(TORCH_GATES))
    return np.concatenate([gates[TORCH_GATES.index(gate)] for gate in ONNX_GATES])


def floats(name: str, size: int | None = None) -> ValueInfoProto:
    """A float tensor of three dimensions, of which the last may be known."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, size])
