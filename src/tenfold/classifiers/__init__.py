"""Everything that answers predict_proba: ONNX Runtime, OpenVINO, features, bundles."""
