"""The general recurrent layer: any cell, stacked, in one or both directions."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import signature
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..cells import Cell
from ..errors import InputError
from ..kernels import plan, theirs
from ..kernels.check import check_precision
from ..kernels.layer import Layer, Weights, weights_of
from . import init
from .arrangement import State, arranged, check_input, first_state, given_back
from .construction import check_kinds, check_projection, check_sizes, checked_dropout, found_cell
from .masks import Draw, Masks
from .regularisation import Regularisation
from .sequences import Sequences, packed_lengths
from .stream import Stream
from .trace import Trace
from .whole import is_whole, run_whole


class Recurrent(nn.Module):
    """Recurrent layers of any cell; `LSTM`, `GRU` and `RNN` are this class with a cell and torch's names.

    Args:
        cell: the name of a cell in `cellwright.cells`, or a `Cell` of your own.
        input_size: features of the input, I.
        hidden_size: units of each layer, H.
        num_layers: how many layers are stacked.
        bias: whether there are biases; each gate has two, as in torch.
        batch_first: whether input and output are `[B, T, features]`, not `[T, B, features]`.
        dropout: the probability with which outputs of every layer but the last are dropped in training.
        bidirectional: whether every layer also runs from the last step to the first; D is 2 then, else 1.
        device, dtype: of the parameters.
        forget_bias: what the biases of the gate f add up to at the start; drawn like the others by default.
        zoneout: the probability with which a unit of h keeps its old value at a step, or a pair of them for h and the
            cell state c; in evaluation old and new values are mixed accordingly (Krueger et al. 2017).
        recurrent_dropout: the probability with which a unit of h is hidden from the recurrent weights, for a whole
            sequence (Gal & Ghahramani 2016).
        candidate_dropout: the probability with which a unit of the candidate is not written, anew at every step
            (Semeniuta et al. 2016).
        weight_dropout: the probability with which a recurrent weight is dropped for a whole call (Merity et al. 2018).
        locked_dropout: whether `dropout` drops the same units at all steps of a sequence (Merity et al. 2018).
        cell_clip: the cell state c is clipped to [-cell_clip, cell_clip] before it is shown and carried on.
        proj_size: the features P to which h is projected before it is put out and carried on; 0 for no projection
            (Sak, Senior & Beaufays 2014).
        learned_state: whether the first states are learned, `h_0` and so on `[layers * D, H]`; zeros by default.
        precision: how the GPU kernel takes the recurrent products of numbers in float32: `ieee`; `tf32x3`, three
            products on tensor cores that together keep nearly all digits; `tf32`; or `bf16`; sums are in float32.
            By default `tf32` if PyTorch takes its own so (`torch.backends.cuda.matmul.allow_tf32`), else `tf32x3`.
            A CPU takes them as they are, the reference and cuDNN by PyTorch's own switches.

    The parameters have torch's names: `weight_ih_l0 [G H, I]`, `weight_hh_l0 [G H, H]`, `bias_ih_l0`,
    `bias_hh_l0`, with `_reverse` for the second direction; a learned vector `p` of the cell is `p_l0 [H]`.

    >>> import torch, cellwright as cw
    >>> gru = cw.Recurrent("gru", input_size=3, hidden_size=5, num_layers=2, bidirectional=True)
    >>> y, h = gru(torch.randn(7, 2, 3))
    >>> y.shape, h.shape
    (torch.Size([7, 2, 10]), torch.Size([4, 2, 5]))

    Raises:
        InputError: a size is below 1, a dropout out of 0 to 1, or there is no such cell.
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        forget_bias: float | None = None,
        zoneout: float | tuple[float, float] = 0.0,
        recurrent_dropout: float = 0.0,
        candidate_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        locked_dropout: bool = False,
        cell_clip: float | None = None,
        proj_size: int = 0,
        learned_state: bool = False,
        precision: str | None = None,
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_kinds(bias, forget_bias)
        check_precision(precision)
        self.cell = found_cell(cell)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.proj_size = proj_size
        self.num_layers = num_layers
        self.bias = bias and self.cell.bias
        self.batch_first = batch_first
        self.dropout = checked_dropout(dropout, num_layers)
        self.bidirectional = bidirectional
        self.forget_bias = forget_bias
        self.learned_state = learned_state
        self.precision = precision
        self.regularisation = Regularisation(
            self.cell,
            zoneout,
            recurrent_dropout,
            candidate_dropout,
            weight_dropout,
            locked_dropout,
            cell_clip,
        )
        check_projection(proj_size, hidden_size, self.regularisation.around(training=True))
        self.regularised = self.regularisation != Regularisation(self.cell)
        self.parameter_names = [self.names_of(layer) for layer in range(num_layers)]
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.output_size * self.directions
            for names in self.parameter_names[layer]:
                for name, shape in zip(names, self.parameter_shapes(width), strict=True):
                    self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        if learned_state:
            for name in self.cell.state:
                shape = (num_layers * self.directions, self.width_of(name))
                self.register_parameter(f"{name}_0", nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()
        self.flatten_parameters()

    @property
    def directions(self) -> int:
        """D: 2 for a bidirectional layer, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """Features that one direction puts out: P with a projection, else H."""
        return self.proj_size or self.hidden_size

    def width_of(self, state: str) -> int:
        """Features of a state."""
        return self.output_size if state in self.cell.recurrent else self.hidden_size

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as torch's modules list them."""
        return [
            [getattr(self, name) for name in names]
            for layer in range(self.num_layers)
            for names in self.parameter_names[layer]
        ]

    def names_of(self, layer: int) -> list[list[str]]:
        """For each direction of a layer the names of its parameters, in the order of `Weights`."""
        kinds = ["weight_ih", "weight_hh"]
        kinds += ["bias_ih", "bias_hh"] * self.bias + ["weight_hr"] * bool(self.proj_size) + [*self.cell.vectors]
        return [[f"{kind}_l{layer}{suffix}" for kind in kinds] for suffix in ("", "_reverse")[: self.directions]]

    def parameter_shapes(self, width: int) -> list[tuple[int, ...]]:
        """The shapes that belong to the names, for an input of `width` features."""
        rows = len(self.cell.gates) * self.hidden_size
        biases = [(rows,), (rows,)] if self.bias else []
        return [
            (rows, width),
            (rows, self.output_size),
            *biases,
            *[(self.proj_size, self.hidden_size)] * bool(self.proj_size),
            *[(self.hidden_size,)] * len(self.cell.vectors),
        ]

    def reset_parameters(self) -> None:
        """Draw all parameters evenly from -1/sqrt(H) to 1/sqrt(H), as torch does.

        Vectors for which the cell declares a start begin there, and so does the forget gate with forget_bias. Learned
        first states begin where the cell declares it, or at zero.
        """
        bound = 1.0 / math.sqrt(self.hidden_size)
        starts = {
            f"{name}_l{layer}{suffix}": start
            for name, start in self.cell.vectors.items()
            for layer in range(self.num_layers)
            for suffix in ("", "_reverse")
        }
        starts |= {f"{name}_0": self.cell.begins.get(name, 0.0) for name in self.cell.state}
        for name, parameter in self.named_parameters():
            start = starts.get(name)
            if start is None:
                nn.init.uniform_(parameter, -bound, bound)
            else:
                nn.init.constant_(parameter, start)
        if self.forget_bias is not None:
            init.forget_bias_(self, self.forget_bias)

    def flatten_parameters(self) -> None:
        """Let the parameters lie in one piece, as cuDNN reads them; kernels of this library read them where they lie.

        A layer does so by itself when it is made or moved. As with torch's, a copy made by `deepcopy` may need it.
        """
        names = [*chain(*self.parameter_names)]
        if all(name in self._parameters for name in chain(*names)):
            held = [[self.parameter(name) for name in each] for each in names]
            theirs.lay_side_by_side(self.cell.key, held, self.input_size, self.hidden_size, self.bidirectional)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Recurrent:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.flatten_parameters()
        return self

    def extra_repr(self) -> str:
        """What `repr` shows: the arguments that are not the usual ones."""
        return ", ".join([repr(self.cell.name), *self.arguments()])

    def arguments(self) -> list[str]:
        """The arguments behind the cell that are not the usual ones."""
        shown = [str(self.input_size), str(self.hidden_size)]
        held = {**vars(self.regularisation), **vars(self)}
        for name, argument in list(signature(Recurrent.__init__).parameters.items())[4:]:
            value = held.get(name, argument.default)
            if name not in ("device", "dtype") and value != argument.default:
                shown.append(f"{name}={value!r}")
        return shown

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        reset_state: State | None = None,
    ) -> tuple[Any, State]:
        """Run over whole sequences.

        Args:
            input: `[T, B, I]`, or `[B, T, I]` if batch_first, or `[T, I]` for one sequence, or packed.
            hx: the first states, each `[layers * D, B, H]` (without B for one sequence), in the order of
                the cell's states; by default zeros, or the learned ones. A cell with one state takes and returns
                the tensor alone.
            lengths: integers `[B]` in any order, 0 allowed: the steps of each sequence. Outputs behind its
                end are zero, its last state is the one at its end, and what the input holds there does
                not matter.
            reset: truth values of the input's shape without features. A mark at step t begins a new piece
                there: the state before it is replaced, and no gradient passes. Pieces are the same for both
                directions.
            reset_state: what the state is replaced by, laid out as `hx`; by default what a sequence begins with
                if no state is given.

        Returns:
            The outputs `[T, B, D * H]` in the layout of the input, and the last states.

        Raises:
            InputError: a shape, dtype or device does not fit. The message states the rule and the value.
        """
        if isinstance(input, PackedSequence):
            if lengths is not None or reset is not None or reset_state is not None:
                raise InputError("a PackedSequence brings its lengths; pass a padded tensor to use lengths= or reset=")
            return self.forward_packed(input, hx)
        around = (lengths, reset, reset_state)
        if input.is_cuda and all(each is None for each in around) and is_whole(self, input):
            return run_whole(self, input, hx)
        layout, sequences = arranged(self, input, hx, lengths, reset, reset_state)
        outputs, last = self.run(sequences)
        return layout.laid_out(outputs), given_back(self, layout.states(last))

    def trace(
        self,
        input: Tensor,
        hx: State | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        reset_state: State | None = None,
    ) -> Trace:
        """The same as a call, with every signal of every step kept by name; hooks behind a call do not see it.

        >>> import torch, cellwright as cw
        >>> trace = cw.LSTM(3, 4, num_layers=2).trace(torch.randn(7, 2, 3))
        >>> trace
        Trace of i, f, g, o, c, h: each [7, 2, 2, 4]
        >>> keeping = trace["f"].mean()  # a loss may use it: gradients flow into every signal

        Raises:
            InputError: as a call; also for a PackedSequence.
        """
        if isinstance(input, PackedSequence):
            raise InputError("a trace needs a padded tensor, not a PackedSequence; pad it and pass lengths=")
        input = self.prepared(input)
        layout, sequences = arranged(self, input, hx, lengths, reset, reset_state)
        found: list[dict[str, Tensor]] = []

        def watched(layer: Layer) -> tuple[Tensor, list[Tensor]]:
            outputs, last, signals = plan.watch(layer)
            found.append({name: layout.laid_out(signal) for name, signal in signals.items()})
            return outputs, last

        outputs, last = self.run(sequences, watched)
        return Trace(layout.laid_out(outputs), given_back(self, layout.states(last)), found)

    def prepared(self, input: Tensor) -> Tensor:
        """The input after the hooks that a call runs first: those of pruning, say, put weights in their places."""
        for number, hook in self._forward_pre_hooks.items():
            with_keywords = number in self._forward_pre_hooks_with_kwargs
            found = hook(self, (input,), {}) if with_keywords else hook(self, (input,))
            found = found[0] if with_keywords and found is not None else found
            found = (input,) if found is None else found if isinstance(found, tuple) else (found,)
            if len(found) > 1:
                raise InputError("a hook may change the input here, but bring nothing else; pass hx= to the call")
            (input,) = found
        return input

    def stream(self, batch_size: int = 1) -> Stream:
        """The layer one step at a time, as input arrives.

        >>> import torch, cellwright as cw
        >>> lstm, x = cw.LSTM(3, 4).eval(), torch.randn(7, 1, 3)
        >>> stream = lstm.stream(batch_size=1)
        >>> steps = [stream.step(each).clone() for each in x]
        >>> torch.allclose(torch.stack(steps), lstm(x)[0])
        True

        Raises:
            InputError: the layer is bidirectional.
        """
        return Stream(self, batch_size)

    def forward_packed(self, packed: PackedSequence, state: State | None) -> tuple[PackedSequence, State]:
        """Run over a packed sequence, in the order in which it is packed."""
        outputs, last = self.run(self.packed(packed, state))
        if packed.unsorted_indices is not None:
            last = [each.index_select(1, packed.unsorted_indices) for each in last]
        packed = PackedSequence(outputs, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return packed, given_back(self, last)

    def packed(self, packed: PackedSequence, state: State | None) -> Sequences:
        """A packed sequence, checked, and the first states in its order."""
        check_input(self, packed.data)
        lengths = packed_lengths(packed)
        first = first_state(self, state, packed.data, len(lengths), single=False)
        if packed.sorted_indices is not None:
            first = [each.index_select(1, packed.sorted_indices) for each in first]
        return Sequences(packed.data, first, lengths)

    def run(
        self, sequences: Sequences, run_layer: Callable[[Layer], tuple[Tensor, list[Tensor]]] = plan.run
    ) -> tuple[Tensor, list[Tensor]]:
        """All layers: outputs laid out as x, and states `[layers * D, B, H]` in the order of the cell's `states`."""
        drawn = self.training and (self.regularisation.is_random or self.dropout)
        masks = Masks(sequences.x.device) if drawn else None
        last = []
        for number in range(self.num_layers):
            if number > 0 and masks is not None and self.dropout:
                sequences = sequences.dropped(masks, self.dropout, self.regularisation.locked_dropout)
            x, states = run_layer(self.layer(number, sequences, masks))
            sequences = sequences._replace(x=x)
            last.append(states)
        if self.num_layers == 1:
            return sequences.x, last[0]
        return sequences.x, [torch.cat([states[k] for states in last]) for k in range(len(last[0]))]

    def layer(self, number: int, sequences: Sequences, masks: Masks | None = None) -> Layer:
        """One layer as the kernels take it; regularised by masks, or as in evaluation without them."""
        x, first, lengths, reset, brought = sequences
        low, high = number * self.directions, (number + 1) * self.directions
        if self.num_layers > 1:
            first, brought = ([each[low:high] for each in states] for states in (first, brought))
        weights = self.weights(number)
        if not self.regularised:
            return Layer(self.cell, x, first, weights, lengths, reset, brought, precision=self.precision)
        options, places = self.regularisation, (*x.shape[:-1], self.directions)
        mask = None
        if masks is not None and options.recurrent_dropout:
            shape = (self.directions, sequences.rows, self.output_size)
            mask = masks.one(shape, Draw.dropped(options.recurrent_dropout), weights[0].r.dtype)
        if masks is not None and options.weight_dropout:
            weights = [
                each._replace(r=each.r * masks.one(each.r.shape, Draw.dropped(options.weight_dropout), each.r.dtype))
                for each in weights
            ]
        cell, noise = options.around(masks is not None), options.noise(places, masks, weights[0].r)
        return Layer(cell, x, first, weights, lengths, reset, brought, noise, mask, self.precision)

    def weights(self, layer: int) -> list[Weights]:
        """The parameters of a layer as they are now, for each direction."""
        projected = self.proj_size > 0
        return [
            weights_of([*map(self.parameter, names)], self.bias, projected) for names in self.parameter_names[layer]
        ]

    def parameter(self, name: str) -> Any:
        """The parameter of a name, or what stands in its place; quicker than `getattr` on a module."""
        found = self._parameters.get(name)
        return getattr(self, name) if found is None else found
