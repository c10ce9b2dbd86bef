"""`python -m model_zoo`: the command line."""

from model_zoo.cli.commands import app
from model_zoo.cli.console import start

if __name__ == "__main__":
    start(app)
