"""The command `generate`: a language model writes."""

from __future__ import annotations

import sys
from typing import Annotated

from typer import Option

from ..errors import InputError
from .train import Run


def generate(
    run: Run,
    prompt: Annotated[str, Option(help="What the text begins with.")] = "",
    length: Annotated[int, Option(min=0, help="How many tokens to write.")] = 500,
    temperature: Annotated[float, Option(help="0 takes the likeliest always; 1 what was learned.")] = 0.8,
    top_k: Annotated[int | None, Option(help="Only among the k likeliest.")] = None,
    top_p: Annotated[float | None, Option(help="Only among the likeliest of this probability.")] = None,
    seed: Annotated[int, Option(min=0, max=2**63 - 1, help="Where chance begins.")] = 1,
) -> None:
    """Let a trained language model write; the text appears as it is written."""
    import torch

    from ..tasks.text import Choice, Language, LanguageModel, opening, write
    from .runs import open_run

    choice = Choice(temperature, top_k, top_p)
    family, problem, network = open_run(run)
    if not isinstance(problem, Language) or not isinstance(network, LanguageModel):
        raise InputError(f"only a language model writes, but the run is of {family.name!r}; see: cellwright predict")
    vocabulary = problem.vocabulary
    begin = vocabulary.encode(prompt) if prompt else opening(vocabulary)
    text_of = vocabulary.decoder()
    sys.stdout.write(prompt)
    for token in write(network, begin, length, choice, torch.Generator().manual_seed(seed)):
        sys.stdout.write(text_of(token))
        sys.stdout.flush()
    sys.stdout.write("\n")
