"""What the picture classifiers share: run the graph, rank the answer, keep reason and time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from model_zoo.runtime.session import softmax
from model_zoo.runtime.sessions import OneGraph
from model_zoo.trace import ImageTrace, Stopwatch
from model_zoo.vision.images import Picture
from model_zoo.vision.preprocessing import Preprocessing


class ImageClassifier(OneGraph):
    """A network from `image` [batch, channels, h, w] in 0..1 to `logits` and `cam`.

    `cam` [batch, classes, h', w'] is the exact class activation map: its mean is the logit.
    `model(picture)` answers label → probability, all labels, best first; {} for a blank picture.
    """

    preprocessing: ClassVar[Preprocessing]
    blank_hint = "There is nothing on the picture."

    @classmethod
    def preprocess(cls, picture: Picture) -> npt.NDArray[np.uint8] | None:
        """The picture as the network sees it, (h, w) or (h, w, 3); None where it is blank."""
        return cls.preprocessing(picture)

    def __call__(self, picture: Picture) -> dict[str, float]:
        return self.trace(picture).answer

    def trace(self, picture: Picture) -> ImageTrace:
        """The answer with what the network saw, why, how fast and on what."""
        session, watch = self.session, Stopwatch()
        seen = self.preprocess(picture)
        if seen is None:
            watch.lap("preprocess")
            nothing = np.zeros((1, 1))
            return ImageTrace(
                {}, nothing.astype(np.uint8), nothing.astype(np.float32),
                watch.laps, self.ran, self.blank_hint,
            )  # fmt: skip
        batch = self.preprocessing.batch(seen[None])
        watch.lap("preprocess")
        logits, cam = session(image=batch)
        watch.lap("model")
        probabilities = softmax(logits[0])
        order = np.argsort(-probabilities, kind="stable")
        answer = {self.spec.weights.labels[i]: float(probabilities[i]) for i in order}
        why = cam[0, order[0]]
        watch.lap("postprocess")
        return ImageTrace(answer, seen, why, watch.laps, self.ran)


def as_batch(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Pictures as graphs take them that know no mean: values in 0..1."""
    return Preprocessing(side=pictures.shape[1]).batch(pictures)
