"""Entry point of the inference stand-in, as in the Deep Learning Container: `serve` starts the toolkit's server."""

import subprocess
import sys

from sagemaker_inference import model_server


def main() -> None:
    """Start the server for `serve`, else run the arguments as a command."""
    if sys.argv[1:] == ["serve"]:
        model_server.start_model_server()
    else:
        sys.exit(subprocess.call(sys.argv[1:]))


if __name__ == "__main__":
    main()
