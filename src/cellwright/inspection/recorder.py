"""Recording the calls of one recurrent module: what was read, and every signal of every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ..kernels import plan
from ..kernels.autocast import cast_to
from ..kernels.layer import Layer, Weights, weights_of
from ..layers import GRU, LSTM, RNN, Recurrent
from ..layers.arrangement import arranged, given_back
from ..layers.sequences import Sequences
from .opened import functions, opened
from .passes import Array, Pass
from .rows import Rows
from .selfcheck import LARGEST, difference

THEIRS = (nn.LSTM, nn.GRU, nn.RNN)


class Recorder:
    """Collects the calls of one module.

    Attributes:
        module: of the model.
        most: steps that are enough.
        layer: the same as a layer of this library.
        starts: of the sequences so far.
        steps: of all of them.
        apart: the largest difference between outputs and last states that a module has given back itself and ours.
        kinds: what the products of its calls were taken of.
    """

    def __init__(self, module: nn.Module, most: float) -> None:
        self.module, self.most = module, most
        self.layer = module if isinstance(module, Recurrent) else converted(module)
        self.starts: list[int] = []
        self.steps = 0
        self.apart = 0.0
        self.kinds: set[torch.dtype | str] = set()
        self.last: list[Tensor] = []
        passes, cell = self.layer.num_layers * self.layer.directions, self.layer.regularisation.around(training=False)
        dtype = np.float64 if next(self.layer.parameters()).dtype == torch.float64 else np.float32
        self.functions = functions(cell)
        kinds = {
            name: dtype if name in cell.state else np.float16 if name in self.functions else np.float32
            for name in cell.signals
        }
        self.x = Rows(dtype)
        self.signals = [{name: Rows(kind) for name, kind in kinds.items()} for _ in range(passes)]
        self.first = [{name: Rows(dtype) for name in cell.state} for _ in range(passes)]

    @torch.no_grad()
    def take(
        self,
        input: Tensor,
        state: Any = None,
        output: Tensor | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        reset_state: Any = None,
    ) -> Any:
        """Run a call, and keep it; of the last layer h is `output`, if that is known."""
        self.kinds.add(self.kind)
        layout, sequences = arranged(self.layer, input, state, lengths, reset, reset_state)
        found: list[dict[str, Tensor]] = []

        def watched(layer: Layer) -> tuple[Tensor, list[Tensor]]:
            y, last, signals = plan.watch(replace(layer, cell=opened(layer.cell)))
            found.append(signals)
            return y, last

        y, states = self.layer.run(sequences, watched)
        if output is not None:
            true = layout.time_first(output)
            self.apart = max(self.apart, difference(y, true))
            found[-1]["h"] = true.unflatten(-1, (self.layer.directions, -1))
        self.keep(sequences, found)
        last = given_back(self.layer, layout.states(states))
        self.last = [last] if isinstance(last, Tensor) else list(last)
        return layout.laid_out(y), last

    @property
    def kind(self) -> torch.dtype | str:
        """What the products of a call are taken of, now."""
        weight, precision = self.layer.parameter("weight_hh_l0"), self.layer.precision
        cast = cast_to(weight.device.type, weight.dtype)
        if cast is not None or weight.dtype != torch.float32 or weight.device.type != "cuda":
            return weight.dtype if cast is None else cast
        if precision == "bf16":
            return torch.bfloat16
        theirs = torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32
        return "tf32" if precision == "tf32" or (precision is None and theirs) else torch.float32

    def keep(self, sequences: Sequences, found: list[dict[str, Tensor]]) -> None:
        """Keep the sequences of a call, with the signals of each layer."""
        for row, begin, end, first in pieces(sequences, self.layer.cell.states, self.layer.directions):
            if self.steps >= self.most:
                break
            if not self.goes_on(sequences, first):
                self.begin(first)
            self.x.extend(plain(sequences.x[begin:end, row]))
            for number, signals in enumerate(self.signals):
                layer, direction = divmod(number, self.layer.directions)
                for name, rows in signals.items():
                    values = found[layer][name][begin:end, row, direction]
                    rows.extend(in_half(values) if name in self.functions else plain(values))
            self.steps += end - begin

    def goes_on(self, sequences: Sequences, first: Mapping[str, Tensor]) -> bool:
        """Whether a sequence begins where the last call has ended."""
        if not (self.last and first) or sequences.rows > 1 or sequences.reset is not None or self.layer.bidirectional:
            return False
        ends = dict(zip(self.layer.cell.state, self.last, strict=True))
        return all(each.numel() == ends[name].numel() and bool((each == ends[name].view_as(each)).all())
                   for name, each in first.items())  # fmt: skip

    def begin(self, first: Mapping[str, Tensor]) -> None:
        """A new sequence, with its first states `[passes, H]`; without, with zeros."""
        self.starts.append(self.steps)
        for number, firsts in enumerate(self.first):
            for name, rows in firsts.items():
                rows.extend(plain(first[name][number])[None] if first else np.zeros((1, self.layer.width_of(name))))

    @torch.no_grad()
    def compare(self, input: Tensor | PackedSequence, state: Any, output: Any, **options: Any) -> None:
        """Keep a call that the module itself has run, and how far its last states are from ours."""
        true = output[0]
        if isinstance(input, PackedSequence):
            true, _ = pad_packed_sequence(true, self.layer.batch_first)
            input, options["lengths"] = pad_packed_sequence(input, self.layer.batch_first)
        _, last = self.take(input, state, true, **options)
        self.last = list(output[1]) if isinstance(output[1], tuple) else [output[1]]
        both = (each if isinstance(each, tuple) else (each,) for each in (last, output[1]))
        for ours, theirs in zip(*both, strict=True):
            self.apart = max(self.apart, difference(ours, theirs))

    def passes(self, module: str) -> Iterator[Pass]:
        """What was collected, for each layer and direction."""
        layer, starts = self.layer, np.array([*self.starts, self.steps])
        inputs: list[Array] = [self.x.array]
        for number in range(layer.num_layers):
            here = []
            for direction, weights in enumerate(layer.weights(number)):
                signals, first = (each[number * layer.directions + direction] for each in (self.signals, self.first))
                kept = {name: rows.array for name, rows in signals.items()}
                made = Pass(
                    f"{module} l{number}{' reverse' * direction}".strip(),
                    layer.regularisation,
                    apart(weights),
                    direction == 1,
                    starts,
                    inputs,
                    {name: kept[name] for name in layer.cell.state},
                    {name: rows.array for name, rows in first.items()},
                    {name: kept[name] for name in self.functions},
                    self.functions,
                    {name: kept[name] for name in kept if name not in (*layer.cell.state, *self.functions)},
                )
                here.append(made)
                yield made
            inputs = [each.states["h"] for each in here]


def converted(module: nn.Module) -> Recurrent:
    """A module of torch as a layer of this library, with its weights.

    >>> converted(torch.nn.GRU(3, 5, bidirectional=True))
    GRU(3, 5, bidirectional=True)
    """
    assert isinstance(module, THEIRS)
    example = next(module.parameters())
    options: dict[str, Any] = {
        "num_layers": module.num_layers, "bias": module.bias, "batch_first": module.batch_first,
        "bidirectional": module.bidirectional, "device": "meta", "dtype": example.dtype,
    }  # fmt: skip
    layer: Recurrent
    if isinstance(module, nn.LSTM):
        layer = LSTM(module.input_size, module.hidden_size, proj_size=module.proj_size, **options)
    elif isinstance(module, nn.GRU):
        layer = GRU(module.input_size, module.hidden_size, **options)
    else:
        layer = RNN(module.input_size, module.hidden_size, nonlinearity=module.nonlinearity, **options)
    names = [name for names in layer.parameter_names for group in names for name in group]
    weights = {name: getattr(module, name).detach() for name in names}  # also where they are parametrised
    layer.load_state_dict(weights, assign=True)
    return layer.eval()


def apart(weights: Weights) -> Weights:
    """Weights on the CPU, apart from those that go on learning."""
    tensors = [each.detach().cpu().clone() for each in weights.tensors()]
    return weights_of(tensors, weights.b_w is not None, weights.p is not None)


def pieces(
    sequences: Sequences, states: tuple[str, ...], directions: int
) -> Iterator[tuple[int, int, int, dict[str, Tensor]]]:
    """The row, the steps from and to, and the first states `[passes, H]` of each piece; none stand for zeros.

    From the end to the start the last piece begins with what was given, and the others with what a reset brings.
    """
    steps = sequences.x.shape[0]
    for row in range(sequences.rows):
        end = steps if sequences.lengths is None else int(sequences.lengths[row])
        marks = [] if sequences.reset is None else sequences.reset[1:end, row].nonzero().flatten().add(1).tolist()
        anew = sequences.reset is not None and end > 0 and bool(sequences.reset[0, row])
        for begin, until in zip([0, *marks], [*marks, end], strict=True):
            if until > begin:
                forwards = sequences.brought if begin or anew else sequences.first
                backwards = sequences.first if until == end else sequences.brought
                both = [forwards, backwards][:directions]
                first = {name: by_turns(both, n, row) for n, name in enumerate(states)} if any(both) else {}
                yield row, begin, until, first


def by_turns(groups: Sequence[Sequence[Tensor]], n: int, row: int) -> Tensor:
    """The first states of a row `[passes, H]`: of each direction in turn, out of its own group; zeros out of none."""
    like = next(group[n] for group in groups if group)[:, row]
    return torch.stack(
        [group[n][at :: len(groups), row] if group else like[at :: len(groups)] * 0 for at, group in enumerate(groups)],
        1,
    ).flatten(0, 1)


def plain(values: Tensor) -> Array:
    """Numbers as float32, or float64 if they are that, wherever they were."""
    return values.detach().to("cpu", torch.promote_types(values.dtype, torch.float32)).numpy()


def in_half(values: Tensor) -> Array:
    """Numbers as float16, wherever they were; those that are too large as the largest."""
    return values.to("cpu", torch.float16).clamp_(-LARGEST, LARGEST).numpy()
