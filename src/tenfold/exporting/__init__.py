"""A finished network in other formats: ONNX, LiteRT, OpenVINO, int8, C."""
