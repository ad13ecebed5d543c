"""A LitServe server of an ONNX graph, for benchmarks/serving.py; needs litserve and onnxruntime.

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
    """Accepts and returns the tensors of the Open Inference Protocol."""

    def setup(self, device: str) -> None:
        """Load the graph with one thread, as tenfold does for a few images."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            sys.argv[1], options, providers=["CPUExecutionProvider"]
        )

    # LitServe would pass annotations of these two methods to FastAPI.
    def decode_request(self, request):  # noqa: ANN001, ANN201
        """Return the image in a request, uint8 (28, 28)."""
        return np.array(request["inputs"][0]["data"], np.uint8).reshape(28, 28)

    def predict(self, images: Any) -> Any:
        """Return probabilities, float32 (n, 10), of one image or several."""
        batch = images if images.ndim == 3 else images[None]
        return self.session.run(["probabilities"], {"images": batch})[0]

    def encode_response(self, output):  # noqa: ANN001, ANN201
        """Return the response, which LitServe writes as JSON."""
        data = np.ravel(output).tolist()
        tensor = {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": data}
        return {"outputs": [tensor]}


class Batched(Digits):
    """The same with batches of requests."""

    def batch(self, inputs: Any) -> Any:
        """Return the images as one array."""
        return np.stack(inputs)

    def unbatch(self, output: Any) -> Any:
        """Return the probabilities of each image."""
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
