"""Batch normalization for training, in one operation or few."""

from typing import Any

FUSED_CHANNELS = 8
"""TensorFlow's own operation is fast for multiples of this number of channels. For others it is
up to ten times slower than `_normalize_rows` (first layer of the recipe nano, forward and
backward)."""


def batch_normalization(fused: bool) -> Any:
    """Return Keras's batch normalization layer, or a faster one with the same weights.

    Keras computes it by a dozen operations over the whole batch, in float32: a large part of the
    time of a small network on two cores.

    Args:
        fused: Return the faster one, if the backend is TensorFlow.
    """
    import keras

    if not fused or keras.backend.backend() != "tensorflow":
        return keras.layers.BatchNormalization
    import tensorflow as tf

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            if not training:
                return super().call(inputs, training=training, mask=mask)
            channels = inputs.shape[-1]
            scale = self.gamma.value if self.scale else tf.ones(channels)
            if channels % FUSED_CHANNELS:
                found = _normalize_rows(inputs, scale, self.beta.value, self.epsilon)
            else:
                found = tf.raw_ops.FusedBatchNormV3(
                    x=inputs, scale=scale, offset=self.beta.value, mean=tf.zeros(0),
                    variance=tf.zeros(0), epsilon=self.epsilon, is_training=True,
                )  # fmt: skip
            outputs, mean, variance, *_ = found
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + now * (1 - self.momentum))
            return outputs

    return FusedBatchNormalization


def _normalize_rows(inputs: Any, scale: Any, shift: Any, epsilon: float) -> Any:
    """Normalize images (n, height, width, channels) as n long rows.

    A few channels do not fill a vector register of the processor; a row of a whole image does.

    Returns:
        Outputs of the inputs' type, and mean and variance, float32 (channels,).
    """
    import tensorflow as tf

    _, height, width, channels = inputs.shape
    pixels = height * width
    count = tf.shape(inputs)[0]
    # A product with a row of ones adds up columns faster than a sum does.
    ones = tf.fill((1, count), 1 / tf.cast(count * pixels, tf.float32))

    def mean_of(rows: Any) -> Any:
        return tf.reduce_sum(tf.reshape(ones @ rows, (pixels, channels)), axis=0)

    def along(values: Any) -> Any:
        return tf.tile(values, (pixels,))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def normalize(inputs: Any, scale: Any, shift: Any) -> Any:
        rows = tf.cast(tf.reshape(inputs, (-1, pixels * channels)), tf.float32)
        mean = mean_of(rows)
        variance = mean_of(rows * rows) - mean * mean
        inverse = tf.math.rsqrt(variance + epsilon)
        factor = scale * inverse
        outputs = rows * along(factor) + along(shift - mean * factor)

        def gradient(above: Any, *_: Any) -> Any:
            own = tf.cast(tf.reshape(above, (-1, pixels * channels)), tf.float32)
            shift_mean = mean_of(own)
            scale_mean = inverse * (mean_of(own * rows) - mean * shift_mean)
            slope = -factor * inverse * scale_mean
            constant = -factor * shift_mean - slope * mean
            below = own * along(factor) + rows * along(slope) + along(constant)
            whole = tf.cast(count * pixels, tf.float32)
            return (
                tf.cast(tf.reshape(below, tf.shape(inputs)), inputs.dtype),
                scale_mean * whole,
                shift_mean * whole,
            )

        shaped = tf.cast(tf.reshape(outputs, tf.shape(inputs)), inputs.dtype)
        return (shaped, mean, variance), gradient

    outputs, mean, variance = normalize(inputs, scale, shift)
    return tf.ensure_shape(outputs, inputs.shape), mean, variance
