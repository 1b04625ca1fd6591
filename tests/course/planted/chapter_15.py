"""Wrong answers to the tasks of chapter 15: for each check, functions, each with a part of the message that it must get."""

import numpy as np


def rfft_power(d):
    return (np.abs(np.fft.rfft(d, axis=0)) ** 2).sum(axis=1)


def amplitudes(d):
    return np.abs(np.fft.rfft(d, axis=0))


def hertz(d, step, speed):
    return np.fft.rfftfreq(len(d), step) * speed


def windows(layers, start, overlap):
    field, apart = start, 1
    for kernel, stride in layers:
        field += (kernel - overlap) * apart
        apart *= stride
    return field


def own_stride_first(layers):
    field, apart = 1, 1
    for kernel, stride in layers:
        apart *= stride
        field += (kernel - 1) * apart
    return field


def strides_added(layers):
    field, apart = 1, 0
    for kernel, stride in layers:
        field += (kernel - 1) * max(apart, 1)
        apart += stride
    return field


def last_stride(layers):
    field, before = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * before
        before = stride
    return field


def backwards(layers):
    field = 1
    for kernel, stride in layers:
        field = (field - 1) * stride + kernel
    return field


def scale_in_place(a, rms):
    a *= rms / np.sqrt((a**2).sum() / 2)
    return a


PLANTED = {
    "15.wavelength_in_pixels": [
        (lambda f, s, x: f / s * x, "grow with the frequency"),
        (lambda f, s, x: s / f, "pixels are wanted"),
        (lambda f, s, x: f / (s * x), "waves on a pixel"),
        (lambda f, s, x: s / (f * x), "larger letters"),
        (lambda f, s, x: x / f, "the speed of the pen"),
        (lambda f, s, x: s * x, "in a second"),
        (lambda f, s, x: s / f + x, "the numbers differ"),
        (lambda f, s, x: None, "returns nothing"),
        (lambda f, s, x: f * s * x, "multiply all three"),
        (lambda f, s, x: x / f / s, "a faster pen draws longer"),
    ],
    "15.scale_to_rms": [
        (lambda a, rms: rms * a / np.sqrt((a**2).sum()), "rarely at its full height"),
        (lambda a, rms: rms * a / np.sqrt(2 * (a**2).sum()), "on the wrong side"),
        (lambda a, rms: rms * a / (np.linalg.norm(a) / 2), "belongs to the squares"),
        (lambda a, rms: rms * a / ((a**2).sum() / 2), "done to it before"),
        (lambda a, rms: rms * a / np.sqrt((a**2).sum(axis=1).mean() / 2), "mean of the waves' squares"),
        (lambda a, rms: rms * a / np.sqrt((a**2).sum(axis=1, keepdims=True) / 2), "each wave alone"),
        (lambda a, rms: rms * a / np.sqrt((a**2).sum(axis=0) / 2), "each coordinate alone"),
        (lambda a, rms: rms * a / (np.linalg.norm(a, axis=1).sum() / np.sqrt(2)), "add up lengths"),
        (lambda a, rms: a / np.sqrt((a**2).sum() / 2), "always has the RMS 1"),
        (lambda a, rms: rms / np.sqrt((a**2).sum() / 2), "an array is wanted"),
        (scale_in_place, "writes into its argument"),
        (lambda a, rms: a * (rms / a.max()), "largest amplitude"),
        (lambda a, rms: rms * a / (np.linalg.norm(a.sum(axis=0)) / np.sqrt(2)), "before you square"),
        (lambda a, rms: rms * a / (np.linalg.norm(a) / np.sqrt(a.size)), "RMS of the numbers"),
    ],
    "15.receptive_field": [
        (lambda layers: 1 + sum(k - 1 for k, _ in layers), "all strides as 1"),
        (own_stride_first, "too early"),
        (lambda layers: windows(layers, 1, 0), "counted twice"),
        (lambda layers: windows(layers, 0, 0), "a whole window is added"),
        (lambda layers: windows(layers, 0, 1), "one is missing"),
        (strides_added, "strides are added up"),
        (last_stride, "layer just before"),
        (backwards, "at the wrong end"),
        (lambda layers: layers[0][0] if layers else 1, "the numbers differ"),
        (lambda layers: int(np.prod([stride for _, stride in layers])), "two neighbours are"),
        (lambda layers: sum(kernel for kernel, _ in layers), "you add up the windows"),
        (lambda layers: windows(layers[:-1], 1, 1), "the last layer is not"),
    ],
    "15.peak_frequency": [
        (lambda d, step, speed: hertz(d, step, 1)[rfft_power(d)[1:].argmax() + 1], "waves per x-height"),
        (lambda d, step, speed: hertz(d, step, 1 / speed)[rfft_power(d)[1:].argmax() + 1], "upside down"),
        (lambda d, step, speed: rfft_power(d)[1:].argmax() + 1, "the place of the largest"),
        (lambda d, step, speed: hertz(d, 1, speed)[rfft_power(d)[1:].argmax() + 1], "how far apart the points are"),
        (lambda d, step, speed: 1 / hertz(d, step, 1)[rfft_power(d)[1:].argmax() + 1], "length of a wave"),
        (lambda d, step, speed: hertz(d, step, speed)[rfft_power(d)[1:].argmax()], "one less"),
        (lambda d, step, speed: hertz(d, step, speed)[rfft_power(d).argmax()], "frequency 0 is left out"),
        (lambda d, step, speed: hertz(d, step, speed)[rfft_power(d[:, :1])[1:].argmax() + 1], "you look at one of"),
        (
            lambda d, step, speed: hertz(d, step, speed)[rfft_power(d.sum(axis=1, keepdims=True))[1:].argmax() + 1],
            "against each other",
        ),
        (hertz, "one number is wanted"),
        (lambda d, step, speed: hertz(d, step, speed)[amplitudes(d).sum(axis=1)[1:].argmax() + 1], "add up the amplitudes"),
        (lambda d, step, speed: hertz(d, step, speed)[rfft_power(d[:, 1:])[1:].argmax() + 1], "the second of the two"),
        (lambda d, step, speed: 2 * np.pi * hertz(d, step, speed)[rfft_power(d)[1:].argmax() + 1], "an angle a second"),
        (
            lambda d, step, speed: hertz(d, step, speed)[(np.fft.rfft(d, axis=0).real ** 2).sum(axis=1)[1:].argmax() + 1],
            "the real part only",
        ),
    ],
}
