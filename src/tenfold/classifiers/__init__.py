"""Everything that answers predict_proba: ONNX Runtime, OpenVINO, Keras, features, bundles."""
