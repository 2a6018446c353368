"""What a report shows of a network that labels frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from ..exhibit import Exhibit, new_figure, plain
from .gates import gates_exhibit
from .problem import FrameNetwork, FrameProblem
from .reading import Video
from .segments import segments

VIDEOS = 6


def exhibits(problem: FrameProblem, network: FrameNetwork, videos: Sequence[Video]) -> Iterator[Exhibit]:
    """The labels of some videos over time, and the gates where they change."""
    yield strips(problem, network, videos[:: -(-len(videos) // VIDEOS)])
    gates = gates_exhibit(problem, network, videos)
    if gates is not None:
        yield gates


def strips(problem: FrameProblem, network: nn.Module, videos: Sequence[Video]) -> Exhibit:
    """Labels over time, as they are and as they are found."""
    names = problem.labels
    figure = new_figure(9, 0.7 + 0.75 * len(videos))
    for axes, video in zip(figure.subplots(len(videos), 1, squeeze=False)[:, 0], videos, strict=True):
        rows = (video.labels, problem.found(network, video)[0])
        for height, labels in enumerate(rows):
            for each in segments([names.number(label, -1) for label in labels]):
                if each.label >= 0:
                    axes.barh(
                        1 - height, each.end - each.first, left=each.first, height=0.9,
                        color=f"C{each.label % 10}", hatch="//" if each.label >= 10 else None,
                    )  # fmt: skip
        axes.set(yticks=[0, 1], yticklabels=["found", "true"], xlim=(0, len(video.labels)))
        axes.set_title(plain(video.name), fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=f"C{n % 10}", hatch="//" if n >= 10 else None, label=plain(name))
        for n, name in enumerate(names.names)
    ]
    figure.legend(handles=patches, fontsize=7, loc="outside lower center", ncols=min(len(patches), 6))
    return Exhibit("Labels over time", "Some videos, frame by frame; white where no label is known.", figure=figure)
