"""Trains the line network (line.onnx), which reads a line of digits without cuts."""
