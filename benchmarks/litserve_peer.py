"""LitServe with an ONNX graph of ours, for benchmarks/serving.py; needs litserve and onnxruntime.

    python benchmarks/litserve_peer.py MODEL.onnx PORT SETTINGS

SETTINGS is JSON: max_batch_size, batch_timeout, workers, fast_queue.
"""

import json
import sys
from typing import Any

import litserve  # type: ignore[import-not-found]
import numpy as np
import onnxruntime


class Digits(litserve.LitAPI):  # type: ignore[misc]
    """Takes the tensor that the Open Inference Protocol has, and answers with one."""

    def setup(self, device: str) -> None:
        """Load the graph; one thread, as tenfold takes for a few images."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            sys.argv[1], options, providers=["CPUExecutionProvider"]
        )

    # LitServe would take annotations of these two for types of FastAPI's.
    def decode_request(self, request):  # type: ignore[no-untyped-def]
        """Return the image in a request, uint8 (28, 28)."""
        return np.array(request["inputs"][0]["data"], np.uint8).reshape(28, 28)

    def predict(self, images: Any) -> Any:
        """Return float32 (n, 10) for one image or several."""
        many = images if images.ndim == 3 else images[None]
        return self.session.run(["probabilities"], {"images": many})[0]

    def encode_response(self, output):  # type: ignore[no-untyped-def]
        """Return the answer, to be written as JSON."""
        data = np.ravel(output).tolist()
        tensor = {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": data}
        return {"outputs": [tensor]}


class Batched(Digits):
    """The same, several requests at once."""

    def batch(self, inputs: Any) -> Any:
        """Return images as one array."""
        return np.stack(inputs)

    def unbatch(self, output: Any) -> Any:
        """Return probabilities one by one."""
        return list(output)


def main() -> None:
    settings = json.loads(sys.argv[3])
    if settings["max_batch_size"] > 1:
        api = Batched(
            max_batch_size=settings["max_batch_size"], batch_timeout=settings["batch_timeout"]
        )
    else:
        api = Digits()
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=settings["workers"],
        fast_queue=settings["fast_queue"],
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        generate_client_file=False,
        log_level="error",
        access_log=False,
    )


if __name__ == "__main__":
    main()
