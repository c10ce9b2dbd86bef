"""Sensorium's model zoo: small neural networks as ONNX graphs, ready to be called.

>>> import model_zoo
>>> model = model_zoo.load("mnist-cnn")
>>> model(image)  # {"3": 0.998, "5": 0.001, …}
"""

from model_zoo import _environment, _telemetry

_environment.leave_current_folder()  # before anything that somebody could have a file of that name
_environment.mend()
_telemetry.switch_off()  # before anything below imports onnxruntime

from model_zoo._version import VERSION  # noqa: E402
from model_zoo.zoo import load, names, spec  # noqa: E402

__version__ = VERSION

__all__ = ["__version__", "load", "names", "spec"]
