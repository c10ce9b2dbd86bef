"""The console script `sensorium`: every verb of the zoo, and `serve`, which opens the app."""

from __future__ import annotations

import typer

from model_zoo.cli.commands import app
from model_zoo.cli.console import start


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def serve(context: typer.Context) -> None:
    """Open the app with all its pages; `serve --help` has its options."""
    import demos
    from demos.shell.serve import run

    run(*demos.all_pages(), arguments=context.args)


def main() -> None:
    """Run the command line."""
    start(app)
