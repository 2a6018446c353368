"""The commands of the text task: `train text`, `evaluate`, `generate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, BadParameter, Option

Run = Annotated[Path, Argument(help="Folder of a run, as training has printed it.")]


def train_text(
    data: Annotated[Path | None, Argument(help="A UTF-8 text file, or a folder of them.")] = None,
    run: Annotated[Path | None, Option(help="Folder for the run.  [default: runs/NAME of the text]")] = None,
    resume: Annotated[Path | None, Option(help="Go on with this run, by its own recipe.")] = None,
    minutes: Annotated[float | None, Option(help="Minutes until the end.  [default: by the size]")] = None,
    epochs: Annotated[float | None, Option(help="Times through the text until the end.")] = None,
    vocabulary: Annotated[
        Literal["characters", "bpe"] | None, Option(help="What a token is.  [default: characters]")
    ] = None,
    vocabulary_size: Annotated[int | None, Option(help="Most tokens of bpe.  [default: 2048]")] = None,
    cell: Annotated[str | None, Option(help="Recurrent cell; see: cellwright cells  [default: lstm]")] = None,
    hidden: Annotated[int | None, Option(help="Units per layer.  [default: by the size]")] = None,
    layers: Annotated[int | None, Option(help="Recurrent layers.  [default: by the size]")] = None,
    embedding: Annotated[int | None, Option(help="Numbers per token.  [default: by the size]")] = None,
    dropout: Annotated[float | None, Option(help="Share of units dropped.  [default: by the size]")] = None,
    tie: Annotated[
        bool | None, Option("--tie/--no-tie", help="Softmax shares the embedding.  [default: with bpe]")
    ] = None,
    batch: Annotated[int | None, Option(help="Streams read side by side.  [default: by the size]")] = None,
    chunk: Annotated[int | None, Option(help="Tokens backpropagated through.  [default: by the size]")] = None,
    validation: Annotated[float | None, Option(help="Share held out.  [default: 0.1]")] = None,
    learning_rate: Annotated[float | None, Option(help="The highest.  [default: by the size]")] = None,
    clip: Annotated[float | None, Option(help="Longest gradient.  [default: 1]")] = None,
    patience: Annotated[int | None, Option(help="Validations without gain.  [default: 5]")] = None,
    seed: Annotated[int | None, Option(help="Where chance begins.  [default: 1]")] = None,
) -> None:
    """Train a language model on your own text; Ctrl-C stops it so that it can be resumed.

    What is not given is chosen by the size of the text.
    """
    from .runs import resume_text, start_text

    budget = given(minutes=minutes, epochs=epochs)
    sizes = given(hidden=hidden, layers=layers, embedding=embedding, batch=batch, chunk=chunk)
    network = given(vocabulary_size=vocabulary_size, cell=cell, dropout=dropout, tie=tie, validation=validation)
    training = given(learning_rate=learning_rate, clip=clip, patience=patience, seed=seed)
    if resume is not None:
        fixed = {**sizes, **network, **training, **given(vocabulary=vocabulary, run=run)}
        if fixed:
            name = next(iter(fixed)).replace("_", "-")
            raise BadParameter(f"--resume keeps the run's own recipe; leave out --{name}")
        resume_text(resume, data, budget)
    elif data is None:
        raise BadParameter("DATA is missing; name a text file, or a folder of them")
    else:
        start_text(data, run, vocabulary or "characters", {**sizes, **network}, {**training, **budget})


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def evaluate(run: Run, data: Annotated[Path, Argument(help="A UTF-8 text file, or a folder of them.")]) -> None:
    """Measure how well a trained network predicts a text."""
    from ..tasks.text import Nats, Windows, read_text, text_step
    from ..training import evaluate as figures_of
    from .runs import open_text

    network, vocabulary = open_text(run)
    text = read_text(data)
    tokens = vocabulary.encode(text)
    figures = figures_of(network, Windows(tokens), text_step, Nats(len(tokens) / len(text)))
    unit = vocabulary.unit.removesuffix("s")
    sys.stdout.write(
        f"{figures['loss']:.4f} nats per {unit}, {figures['bits']:.4f} bits per character, "
        f"perplexity {figures['perplexity']:.3f} over {len(tokens):,} {vocabulary.unit}\n"
    )


def generate(
    run: Run,
    prompt: Annotated[str, Option(help="What the text begins with.")] = "",
    length: Annotated[int, Option(min=0, help="How many tokens to write.")] = 500,
    temperature: Annotated[float, Option(help="0 takes the likeliest always; 1 what was learned.")] = 0.8,
    top_k: Annotated[int | None, Option(help="Only among the k likeliest.")] = None,
    top_p: Annotated[float | None, Option(help="Only among the likeliest of this probability.")] = None,
    seed: Annotated[int, Option(min=0, max=2**63 - 1, help="Where chance begins.")] = 1,
) -> None:
    """Let a trained network write; the text appears as it is written."""
    import torch

    from ..tasks.text import Choice, opening, write
    from .runs import open_text

    choice = Choice(temperature, top_k, top_p)
    network, vocabulary = open_text(run)
    begin = vocabulary.encode(prompt) if prompt else opening(vocabulary)
    text_of = vocabulary.decoder()
    sys.stdout.write(prompt)
    for token in write(network, begin, length, choice, torch.Generator().manual_seed(seed)):
        sys.stdout.write(text_of(token))
        sys.stdout.flush()
    sys.stdout.write("\n")
