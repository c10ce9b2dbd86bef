"""cifar10-resnet: ten kinds of things in a photograph, by a residual network trained here."""

from __future__ import annotations

from model_zoo.spec import Card, Metric, ModelSpec, Run, Weights
from model_zoo.vision.classify import ImageClassifier
from model_zoo.vision.preprocessing import Preprocessing
from model_zoo.vision.task import IMAGES

ORIGINALS = "CIFAR-10, 2,000 training originals kept for validation, which also chose the weights"
JPEG = "CIFAR-10, 9,000 test pictures recompressed as JPEG of quality 75"
SIDE = 32  # pixels, the side of CIFAR-10's pictures
LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10Resnet(ImageClassifier):
    """`model(picture)` answers label → probability, all ten, best first."""

    preprocessing = Preprocessing(SIDE)


SPECS = (
    ModelSpec(
        name="cifar10-resnet",
        task=IMAGES,
        card=Card(
            title="Ten things in a photograph",
            summary="Says which of ten kinds of things a small photograph shows.",
            parameters=1_971_650,
            licence="MIT",
            inputs="image: float32 [batch, 3, 32, 32], RGB in 0..1",
            outputs=(
                "logits: float32 [batch, 10]; cam: float32 [batch, 10, 8, 8], whose mean they are"
            ),
            architecture=(
                "A whitening 2 × 2 convolution, three residual stages of 64, 256 and 256 channels "
                "with shift-only batch norm folded in, and a 1 × 1 convolution averaged over the "
                "map."
            ),
            training_data=(
                "CIFAR-10, 46,000 of its 50,000 training pictures, a third of them as JPEG"
            ),
            made_by="python -m export train cifar10-resnet (export/recipes/cifar10_resnet.py)",
            intended_use="Teaching, demonstrations, and a small classifier to measure others by.",
            not_for=(
                "Anything but its ten classes: it answers one of them for every picture. Not for "
                "decisions about people or safety."
            ),
            metrics=(
                Metric("accuracy", 0.9450, ORIGINALS),
                Metric("accuracy", 0.9435, ORIGINALS, "int8"),
                Metric("accuracy, JPEG", 0.8993, JPEG),
                Metric("accuracy, JPEG", 0.8977, JPEG, "int8"),
                Metric("calibration error", 0.0095, ORIGINALS),
                Metric("calibration error", 0.0119, ORIGINALS, "int8"),
            ),
        ),
        weights=Weights(
            labels=LABELS,
        ),
        run=Run(
            factory=Cifar10Resnet,
        ),
    ),
)
