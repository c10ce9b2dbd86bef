"""Sensorium's model zoo: small neural networks as ONNX graphs, ready to be called.

>>> import model_zoo
>>> model = model_zoo.load("mnist-cnn")
>>> model(image)  # {"3": 0.998, "5": 0.001, …}
"""

from importlib.metadata import PackageNotFoundError, version

from model_zoo import _environment, _telemetry

_environment.mend()
_telemetry.switch_off()  # before anything below imports onnxruntime

from model_zoo.zoo import load, names, spec  # noqa: E402

try:
    __version__ = version("sensorium")
except PackageNotFoundError:  # a plain copy of the folder, not installed (a Space, for one)
    __version__ = "source"

__all__ = ["__version__", "load", "names", "spec"]
