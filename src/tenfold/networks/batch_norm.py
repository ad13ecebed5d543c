"""Batch normalization in training, in few operations."""

from typing import Any

FUSED_CHANNELS = 8
"""TensorFlow's own operation is fast for multiples of so many channels. For others it is up to
ten times slower than `_by_rows` (first layer of the recipe nano, forward and backward)."""


def batch_normalization(fused: bool) -> Any:
    """Return Keras's batch normalization, or one on the same weights that is done in one go.

    Keras spells it out in a dozen operations over the whole batch, in float32: a good part of
    the time of a small network on two cores.
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
                found = _by_rows(inputs, scale, self.beta.value, self.epsilon)
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


def _by_rows(inputs: Any, scale: Any, shift: Any, epsilon: float) -> Any:
    """Normalize images (n, height, width, channels) taken as n long rows, and their gradient.

    A handful of channels does not fill a vector of the processor; a row of a whole image does.

    Returns:
        Outputs of the inputs' type, and mean and variance, float32 (channels,).
    """
    import tensorflow as tf

    _, height, width, channels = inputs.shape
    pixels = height * width
    count = tf.shape(inputs)[0]
    # A product with a row of ones adds up a column sooner than a sum does.
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
