/* tenfold nano: reads one handwritten digit. 697 parameters, weights in int8.
   Written by tenfold from a trained network (Apache-2.0); needs nothing but the C library.

   The image: 28x28 bytes row by row, white ink (255) on black (0), as MNIST has it: the digit
   fitted into 20x20, its centre of mass in the middle. */
#ifndef TENFOLD_NANO_H
#define TENFOLD_NANO_H
#include <math.h>
#include <stdint.h>

static const int8_t conv1_kernel[54] = {
    -69, -48, 33, -4, 127, 58, 23, -5, -31, -127, -58, 68, 13, 97, 42, 41, 50, 22, -8, -127,
    -37, 118, 21, -36, 18, 68, 40, -50, -1, 56, -127, 19, 46, -101, -68, 111, -5, 127, -118, 53,
    33, -93, -1, 102, -44, 100, 94, 106, 47, -36, 76, -127, -72, -56
};
static const float conv1_scale[6] = {
    1.96659286e-02f, 1.23027284e-02f, 1.85379367e-02f, 1.65322367e-02f, 1.73503291e-02f,
    1.08431438e-02f
};
static const float conv1_shift[6] = {
    3.88029158e-01f, -2.93585360e-02f, 3.13877881e-01f, -3.95071149e-01f, -8.92268360e-01f,
    -9.13306475e-02f
};
static const int8_t conv2_channels[54] = {
    9, -28, -4, 20, -95, -93, 14, 86, -127, 35, 40, 127, -63, -95, -63, -21, -127, -11, 97, 75,
    37, -66, -127, -90, 2, -103, -21, 16, -14, -127, 32, 6, -13, 17, -13, -44, -69, 5, -27, -61,
    -127, 17, 50, 41, 6, -19, -127, -6, -28, 3, 53, -12, -11, 26
};
static const float conv2_channels_scale[6] = {
    3.71309035e-02f, 3.61486152e-02f, 2.78074592e-02f, 4.66954373e-02f, 4.73944470e-02f,
    4.98982444e-02f
};
static const int8_t conv2_kernel[30] = {
    -11, -110, 39, -127, -25, 126, -110, 114, -127, 90, -20, 19, -42, -29, 33, 74, 51, 127,
    -127, -53, 30, -46, 117, -80, -6, 87, -103, 23, 127, 14
};
static const float conv2_scale[5] = {
    6.74014213e-04f, 1.10247906e-03f, 8.86813621e-04f, 6.82382204e-04f, 1.15119328e-03f
};
static const float conv2_shift[5] = {
    6.52086854e-01f, -2.64518917e-01f, 5.23354560e-02f, -1.68891549e+00f, -4.51556519e-02f
};
static const int8_t conv3_channels[45] = {
    19, -67, -127, -48, -16, -93, 32, -15, 16, 31, -47, -92, -42, -127, -101, -89, -123, -27,
    -52, -36, -3, -127, -89, -12, -55, -33, -77, 54, -2, -22, -14, -47, -127, -71, -102, -43,
    -55, -94, -83, -41, -63, -127, -58, -87, -64
};
static const float conv3_channels_scale[5] = {
    2.45600510e-02f, 2.57136505e-02f, 3.20607647e-02f, 3.63439359e-02f, 2.69908458e-02f
};
static const int8_t conv3_kernel[45] = {
    30, -90, 9, 127, -1, 15, -88, 48, 127, 73, -2, -6, 60, -6, 127, 3, -127, 101, 68, 61, 20,
    72, -127, -17, 29, 97, -52, -127, 45, -7, 127, -48, 54, 32, 122, 65, 127, 29, 21, -12, 92,
    5, -30, -122, -127
};
static const float conv3_scale[9] = {
    1.01329235e-03f, 1.07005204e-03f, 1.54140254e-03f, 8.96129059e-04f, 1.42901845e-03f,
    1.16796803e-03f, 1.00247120e-03f, 6.76663534e-04f, 1.37547357e-03f
};
static const float conv3_shift[9] = {
    3.36557984e-01f, 2.89882541e+00f, 7.91404247e-01f, -9.32316482e-01f, 2.30474997e+00f,
    -5.98706603e-02f, 3.06429654e-01f, 2.08839726e+00f, 1.30971217e+00f
};
static const int8_t conv4_channels[81] = {
    -42, -73, -19, 9, -24, -100, -97, -127, -71, -10, -80, -4, 31, 127, 14, 63, 67, 70, 61, -2,
    110, 117, -127, -28, 33, 75, -34, 24, 35, -69, 92, 17, -53, 127, -17, 7, 16, -18, -127, 52,
    57, -23, 29, -3, 54, -111, -117, -86, 11, -69, -93, 127, 88, 33, -26, -51, 35, 41, -35, -16,
    -105, 82, 127, 19, -82, 110, 4, 49, 82, -127, 13, 56, 71, -14, 123, 21, 98, 127, 111, 49,
    -10
};
static const float conv4_channels_scale[9] = {
    3.04926913e-02f, 3.51421088e-02f, 3.41679938e-02f, 3.37864049e-02f, 2.87899524e-02f,
    2.78547965e-02f, 4.57528159e-02f, 3.15926149e-02f, 2.13768724e-02f
};
static const int8_t conv4_kernel[90] = {
    91, 127, -37, 7, 16, 61, 28, -37, -11, 29, -17, -22, -105, 35, 127, -31, 41, 77, -12, -23,
    127, 40, 10, 18, -72, -29, -84, 47, 76, -127, 114, 70, -100, 11, 90, 13, 127, 30, -3, 21, 7,
    -22, 18, 77, 28, -43, -107, 1, 96, 86, 32, 127, -22, -27, -9, 74, -24, 49, 92, -127, 89,
    -67, -92, -4, 40, -118, -15, 36, -127, 31, 19, 122, 63, -26, -13, 51, 5, 17, 127, -55, 9,
    87, -93, 62, -35, -77, -38, 127, 104, 44
};
static const float conv4_scale[10] = {
    9.67965170e-04f, 9.32811003e-04f, 1.02856208e-03f, 9.03215609e-04f, 1.07593113e-03f,
    9.79728648e-04f, 8.78204301e-04f, 6.81283476e-04f, 1.29919616e-03f, 6.49069843e-04f
};
static const float conv4_shift[10] = {
    -1.30173850e+00f, 4.10408306e+00f, 3.24076271e+00f, -3.09742713e+00f, 8.84102643e-01f,
    3.33273029e+00f, -1.29182124e+00f, -1.79800034e-01f, 2.09539628e+00f, 3.70272446e+00f
};
static const int8_t conv5_channels[90] = {
    -58, -74, -127, -98, -41, -72, -35, 31, -15, 38, 124, 94, 127, 88, 27, 24, 30, 29, 0, 35,
    61, -57, -7, 37, -71, -67, -127, -127, -118, -83, -79, -92, 0, -59, 15, 6, 69, 45, 62, 11,
    -70, -8, 30, -127, -114, -12, -20, -7, -123, -73, 72, -127, -10, 25, 18, -22, -22, 102, -13,
    122, 127, 60, 81, 127, 83, -11, 81, -12, -47, 41, 32, 65, 45, -5, -23, 33, -31, -127, 0,
    -115, -84, 14, 38, 24, 21, -2, -35, 127, 36, -26
};
static const float conv5_channels_scale[10] = {
    3.23857255e-02f, 1.94147360e-02f, 3.25805023e-02f, 3.29400077e-02f, 2.93149669e-02f,
    3.41178142e-02f, 2.19853260e-02f, 3.02257594e-02f, 4.76275645e-02f, 3.68283913e-02f
};
static const int8_t conv5_kernel[80] = {
    -39, -41, -127, 57, -1, 35, -65, -4, -26, 87, -18, 67, -80, -104, -27, 48, -29, 36, 127,
    -90, -127, 106, -8, 73, 90, 38, -85, 68, 24, 11, -85, 12, -23, -28, -40, 48, 63, -127, 10,
    -22, -72, 76, -13, -127, 67, -67, 28, 22, -126, 19, 8, -37, -17, 26, 83, -127, 8, -51, 126,
    -35, -99, -75, 1, 86, -127, -87, -116, 102, 0, -18, -3, -3, 125, -96, -56, 11, -101, -33,
    127, 2
};
static const float conv5_scale[8] = {
    9.31147835e-04f, 1.13950879e-03f, 7.15517614e-04f, 6.08144270e-04f, 9.66389140e-04f,
    9.79820383e-04f, 9.91369598e-04f, 9.68287524e-04f
};
static const float conv5_shift[8] = {
    1.26606858e+00f, -3.11407185e+00f, -3.04084539e+00f, 1.40585542e+00f, -3.59342813e+00f,
    3.27872300e+00f, -2.38231421e-02f, 3.14361429e+00f
};
static const int8_t logits_kernel[80] = {
    18, 127, -42, 69, -46, -23, -126, -91, 64, -79, 127, -44, -84, 60, -39, 16, -113, 42, 81,
    -43, 95, 60, -122, -127, -52, 63, 101, -5, -15, -121, 127, 23, 9, -127, 19, 73, 83, 10, 97,
    -73, 5, 29, -93, 0, -67, -38, 27, 127, -52, 5, -83, 127, -65, 37, -86, 40, 97, -37, 54,
    -127, 14, -47, 30, -110, -86, 111, -56, -1, 44, 126, 127, -96, 50, -4, -79, 10, 127, -42,
    21, 75
};
static const float logits_scale[10] = {
    3.53333727e-02f, 3.98907289e-02f, 3.79517227e-02f, 3.86036150e-02f, 4.20122370e-02f,
    3.75122838e-02f, 4.45245169e-02f, 4.46384810e-02f, 3.33050713e-02f, 3.88092287e-02f
};
static const float logits_shift[10] = {
    -2.46757936e+00f, -4.95950365e+00f, 1.98670220e+00f, -2.55380559e+00f, -7.81925321e-01f,
    5.24778366e+00f, 3.06097722e+00f, 1.93721223e+00f, -2.19265723e+00f, -2.11581424e-01f
};

enum { LINEAR, RELU, SILU };

static inline float activated(float sum, int activation) {
    if (activation == SILU) return sum / (1 + expf(-sum));
    return activation == RELU && sum < 0 ? 0 : sum;
}

/* Sums over a window, the largest of each pool x pool of them, scaled, shifted, activated.
   Values stand row by row, channels last; what lies outside the image is 0. */
static inline void convolve(const float *in, int side, int channels, const int8_t *kernel,
                            int size, int stride, int dilation, int before, int pool,
                            int pool_stride, const float *scale, const float *shift,
                            int activation, float *out, int out_side, int filters) {
    for (int y = 0; y < out_side; y++)
        for (int x = 0; x < out_side; x++)
            for (int f = 0; f < filters; f++) {
                float best = 0;
                for (int part = 0; part < pool * pool; part++) {
                    int top = (y * pool_stride + part / pool) * stride - before;
                    int left = (x * pool_stride + part % pool) * stride - before;
                    float sum = 0;
                    for (int i = 0; i < size; i++)
                        for (int j = 0; j < size; j++) {
                            int row = top + i * dilation, column = left + j * dilation;
                            if (row < 0 || row >= side || column < 0 || column >= side) continue;
                            const float *values = in + (row * side + column) * channels;
                            const int8_t *weights = kernel + ((f * size + i) * size + j) * channels;
                            for (int c = 0; c < channels; c++) sum += values[c] * weights[c];
                        }
                    if (part == 0 || sum > best) best = sum;
                }
                best = activated(best * scale[f] + shift[f], activation);
                out[(y * out_side + x) * filters + f] = best;
            }
}

/* Each channel filtered by itself. */
static inline void depthwise(const float *in, int side, int channels, const int8_t *kernel,
                             int size, int stride, int dilation, int before,
                             const float *scale, float *out, int out_side) {
    for (int y = 0; y < out_side; y++)
        for (int x = 0; x < out_side; x++)
            for (int c = 0; c < channels; c++) {
                float sum = 0;
                for (int i = 0; i < size; i++)
                    for (int j = 0; j < size; j++) {
                        int row = y * stride - before + i * dilation;
                        int column = x * stride - before + j * dilation;
                        if (row < 0 || row >= side || column < 0 || column >= side) continue;
                        sum += in[(row * side + column) * channels + c] *
                               kernel[(c * size + i) * size + j];
                    }
                out[(y * out_side + x) * channels + c] = sum * scale[c];
            }
}

/* The mean of each channel. */
static inline void average(const float *in, int side, int channels, float *out) {
    for (int c = 0; c < channels; c++) out[c] = 0;
    for (int i = 0; i < side * side * channels; i++) out[i % channels] += in[i] / (side * side);
}

static inline void swap(float **in, float **out) {
    float *other = *in;
    *in = *out;
    *out = other;
}

/* Adds ten probabilities to sums: those of the image moved down and right, black coming in. */
static inline void nano_add(const uint8_t image[784], int down, int right, float sums[10]) {
    static float one[4374], other[4374]; /* so not for two threads at once */
    float *in = one, *out = other, total = 0, most;
    for (int i = 0; i < 784; i++) {
        int row = i / 28 - down, column = i % 28 - right;
        int inside = row >= 0 && row < 28 && column >= 0 && column < 28;
        in[i] = inside ? image[row * 28 + column] / 255.0f : 0;
    }
    convolve(in, 28, 1, conv1_kernel, 3, 1, 1, 1, 2, 1, conv1_scale, conv1_shift, SILU, out, 27, 6);
    swap(&in, &out);
    depthwise(in, 27, 6, conv2_channels, 3, 1, 2, 0, conv2_channels_scale, out, 23);
    swap(&in, &out);
    convolve(in, 23, 6, conv2_kernel, 1, 1, 1, 0, 1, 1, conv2_scale, conv2_shift, SILU, out, 23, 5);
    swap(&in, &out);
    depthwise(in, 23, 5, conv3_channels, 3, 1, 2, 0, conv3_channels_scale, out, 19);
    swap(&in, &out);
    convolve(in, 19, 5, conv3_kernel, 1, 1, 1, 0, 1, 1, conv3_scale, conv3_shift, SILU, out, 19, 9);
    swap(&in, &out);
    depthwise(in, 19, 9, conv4_channels, 3, 1, 4, 0, conv4_channels_scale, out, 11);
    swap(&in, &out);
    convolve(in, 11, 9, conv4_kernel, 1, 1, 1, 0, 1, 1, conv4_scale, conv4_shift, SILU, out, 11, 10);
    swap(&in, &out);
    depthwise(in, 11, 10, conv5_channels, 3, 1, 4, 0, conv5_channels_scale, out, 3);
    swap(&in, &out);
    convolve(in, 3, 10, conv5_kernel, 1, 1, 1, 0, 1, 1, conv5_scale, conv5_shift, SILU, out, 3, 8);
    swap(&in, &out);
    average(in, 3, 8, out);
    swap(&in, &out);
    convolve(in, 1, 8, logits_kernel, 1, 1, 1, 0, 1, 1, logits_scale, logits_shift, LINEAR, out, 1, 10);
    swap(&in, &out);
    most = in[0];
    for (int i = 1; i < 10; i++) most = in[i] > most ? in[i] : most;
    for (int i = 0; i < 10; i++) total += out[i] = expf(in[i] - most);
    for (int i = 0; i < 10; i++) sums[i] += out[i] / total;
}

/* Returns the digit; probabilities, if not NULL, takes ten that add to 1. */
static inline int nano_read(const uint8_t image[784], float probabilities[10]) {
    const int shifts = 1, readings = 9;
    float sums[10] = {0};
    int digit = 0;
    for (int down = -shifts; down <= shifts; down++)
        for (int right = -shifts; right <= shifts; right++)
            nano_add(image, down, right, sums);
    for (int i = 0; i < 10; i++) {
        if (sums[i] > sums[digit]) digit = i;
        if (probabilities) probabilities[i] = sums[i] / readings;
    }
    return digit;
}
#endif
