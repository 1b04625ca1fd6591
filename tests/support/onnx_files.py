"""What onnxruntime computes from an ONNX file."""

import onnxruntime


def run(content, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"images": images})[0]
