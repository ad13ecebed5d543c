/* tenfold nano: reads one handwritten digit. 682 parameters, weights in int8.
   Made by tenfold from a trained network (Apache-2.0). Needs only the C library.

   The image has 28x28 bytes, row by row, white ink (255) on black (0), like MNIST's: the digit
   fits into 20x20 pixels, and its center of mass is in the middle. */
#ifndef TENFOLD_NANO_H
#define TENFOLD_NANO_H
#include <math.h>
#include <stdint.h>

static const int8_t conv1_kernel[45] = {
    -8, 7, 113, 43, -20, 127, 26, 65, 14, 37, 31, -80, -8, -127, -2, -97, 14, 50, 61, 4, 81, 89,
    65, -18, -127, -107, -30, -127, 14, 21, -53, 56, 39, -4, 84, -35, -118, -88, -104, -53, 35,
    8, 127, 58, 121
};
static const float conv1_scale[5] = {
    8.65139719e-03f, 2.46519987e-02f, 1.92775652e-02f, 2.96405628e-02f, 1.37323607e-02f
};
static const float conv1_shift[5] = {
    5.19930720e-02f, 5.88569760e-01f, 3.04539114e-01f, 1.81201041e-01f, 4.72411633e-01f
};
static const int8_t conv2_channels[45] = {
    57, 112, -127, 7, -5, 27, -3, -35, -54, 25, -37, -72, 59, -15, -127, -52, 1, -61, 25, -127,
    -4, 0, -120, -35, -12, -25, 1, -52, -1, -10, -73, -22, -127, 18, 4, 7, 39, -127, 0, 107,
    -15, 14, 64, -31, 25
};
static const float conv2_channels_scale[5] = {
    7.49482214e-02f, 6.80123121e-02f, 4.77199852e-02f, 7.19085187e-02f, 5.63684963e-02f
};
static const int8_t conv2_kernel[35] = {
    127, -71, 0, -58, 88, -105, -103, -81, 127, 41, 37, -35, 127, 15, -31, 127, -102, 77, 6,
    -15, 20, -127, 49, 55, 63, -28, 77, 82, 3, 127, -24, 67, -59, 127, 36
};
static const float conv2_scale[7] = {
    6.50018104e-04f, 6.99483906e-04f, 7.47939164e-04f, 6.28536101e-04f, 6.86090440e-04f,
    5.83707122e-04f, 7.75743392e-04f
};
static const float conv2_shift[7] = {
    -6.05751455e-01f, 1.79836601e-01f, 2.90176415e+00f, 9.01044130e-01f, 9.51248765e-01f,
    7.01841116e-01f, 1.28512025e+00f
};
static const int8_t conv3_channels[63] = {
    -40, -127, -62, 4, -47, -34, 65, 99, -23, 14, 46, 14, 82, 38, -21, 127, 62, -48, -18, -124,
    -47, -55, 10, 127, -5, 1, 20, 17, -61, 49, -15, -12, 12, -127, -47, -39, -87, -127, -35, 85,
    -30, -26, -55, 107, -55, -81, -53, -39, -35, -27, -127, -18, 3, -74, 110, -6, -60, 13, 40,
    -127, 88, -12, 12
};
static const float conv3_channels_scale[7] = {
    5.35057783e-02f, 6.00481667e-02f, 5.33202812e-02f, 5.83784021e-02f, 4.95156497e-02f,
    4.07434776e-02f, 4.89408821e-02f
};
static const int8_t conv3_kernel[63] = {
    -84, -86, -127, 7, -29, -96, -44, -106, -100, -127, 77, 36, -37, 60, 84, 19, -10, -127, 104,
    -24, 64, 16, -127, 24, 23, -80, 112, -105, -89, -85, -108, -127, 12, 22, -38, 127, -53, -1,
    -56, -107, 80, 42, 85, -127, -21, 71, -71, 61, 102, 13, -98, 35, 127, -76, 81, 86, 46, -20,
    63, 68, -127, -6, 18
};
static const float conv3_scale[9] = {
    6.43800653e-04f, 7.07819359e-04f, 9.14026983e-04f, 7.13127840e-04f, 6.58454373e-04f,
    7.20840122e-04f, 8.34977895e-04f, 9.55651165e-04f, 1.13542704e-03f
};
static const float conv3_shift[9] = {
    1.42686558e+00f, -3.39453101e-01f, 2.00199461e+00f, 2.77556419e+00f, 1.12319326e+00f,
    9.54710841e-02f, 7.91585624e-01f, 2.19538260e+00f, 8.94196704e-02f
};
static const int8_t conv4_channels[81] = {
    -36, -125, 25, -127, -42, -127, 15, -77, -109, -65, -1, 19, 67, 127, -80, 39, 32, 10, -2,
    38, -24, -55, -127, -113, -114, -44, -59, 1, -6, 5, 26, 64, 0, 15, -127, -57, 127, 58, -44,
    17, -53, 60, -38, -29, -11, 10, 10, 34, -48, -23, 46, -12, -35, -127, -30, 16, 73, -5, -13,
    45, 127, 48, 43, 117, 127, 11, 127, 10, 94, 84, 41, 14, -9, 75, 103, -11, 93, 115, -27, 127,
    -35
};
static const float conv4_channels_scale[9] = {
    3.38615030e-02f, 5.77620566e-02f, 3.32829021e-02f, 6.59369752e-02f, 5.92357293e-02f,
    7.77318999e-02f, 6.15141727e-02f, 3.43499109e-02f, 4.40718532e-02f
};
static const int8_t conv4_kernel[99] = {
    -93, 108, 65, 102, -46, 68, 127, -22, 50, -42, -127, 109, -47, 2, 62, 42, -95, 25, 118, 23,
    127, 15, 38, -4, 10, -98, -72, -38, -109, -31, 1, -127, -55, -51, 34, 53, 56, -38, -5, 2,
    25, -46, -46, -61, 127, -5, 54, -67, 27, 127, 15, 21, 22, 10, 17, -12, -2, -127, 20, 11,
    -119, -4, -7, 5, -9, 36, -127, 33, 58, 72, 40, -95, 59, 59, 59, 27, 31, -127, 35, 25, 74, 0,
    -80, -2, 43, -76, 90, 70, -24, 127, 106, 54, -57, 17, 122, 41, 43, 127, 15
};
static const float conv4_scale[11] = {
    4.74328612e-04f, 7.90583261e-04f, 6.85568026e-04f, 7.65381730e-04f, 7.67027319e-04f,
    8.91049276e-04f, 7.97496759e-04f, 6.48773042e-04f, 9.20674240e-04f, 7.51695305e-04f,
    6.75169984e-04f
};
static const float conv4_shift[11] = {
    -8.87449980e-01f, 1.88761163e+00f, 7.17349911e+00f, -1.01473665e+00f, 1.82716453e+00f,
    -3.87575865e+00f, -6.19136810e-01f, -9.02949095e-01f, 2.60021853e+00f, 6.81358814e-01f,
    -5.99163949e-01f
};
static const int8_t depthwise1[99] = {
    -127, -103, -120, -108, -35, 73, 32, -59, -31, 94, -53, 79, 127, -15, -16, 98, 71, 36, 115,
    30, -59, 127, 49, -13, 69, 47, -84, 127, -51, -61, -24, 52, 6, 80, -13, 13, -27, 53, -127,
    45, -47, -9, 41, -46, -56, 59, -71, -17, -39, 92, -44, -90, -127, -30, 25, -57, -34, -25,
    -51, 3, -56, -102, -127, 74, -35, 63, 105, -12, 127, 18, 26, -105, 104, -62, -66, -39, 79,
    -117, 44, -127, -56, -2, -93, -58, -127, -10, 2, 121, -20, -5, -44, 127, 58, 54, -27, -45,
    56, 12, -23
};
static const float depthwise1_scale[11] = {
    9.88572277e-03f, 1.68883950e-02f, 1.45423207e-02f, 2.85024289e-02f, 1.73415840e-02f,
    1.60382371e-02f, 1.52046243e-02f, 2.40087416e-02f, 1.50682200e-02f, 1.55080147e-02f,
    2.29143519e-02f
};
static const int8_t logits_kernel[110] = {
    26, -33, -55, -4, -21, -55, 127, -14, 21, -21, 2, 127, 39, 11, 9, 65, -14, 42, -53, 63, 119,
    -109, 10, 84, 27, 33, -11, -6, 111, 78, 127, -39, 39, 38, -64, 127, 70, 87, 15, 8, -73, -80,
    -5, -30, -85, -77, 37, 60, 18, -24, -29, 8, 127, 99, -53, -6, 2, -9, 45, -109, 78, 60, -115,
    -60, 127, -3, -42, 39, -99, 9, -60, -109, 127, 12, -55, 120, -31, 119, 42, -2, 64, 0, -15,
    -61, -56, 127, -17, -115, 10, -59, -89, 59, 51, 96, 39, 84, -127, -29, 61, 23, -127, 19,
    -29, -50, -51, -46, -23, 75, 26, 67
};
static const float logits_scale[10] = {
    5.44974916e-02f, 3.56050394e-02f, 2.76328679e-02f, 2.25982964e-02f, 3.30540352e-02f,
    2.63686012e-02f, 2.66777575e-02f, 2.72226017e-02f, 1.94009095e-02f, 2.89660972e-02f
};
static const float logits_shift[10] = {
    -6.04427338e+00f, 2.40585947e+00f, -1.74226895e-01f, -1.60954332e+00f, 1.00688231e+00f,
    1.05350986e-01f, -9.35570538e-01f, 3.40119869e-01f, 9.99379218e-01f, -7.47986794e-01f
};

enum { LINEAR, RELU, SILU };

static inline float activated(float sum, int activation) {
    if (activation == SILU) return sum / (1 + expf(-sum));
    return activation == RELU && sum < 0 ? 0 : sum;
}

/* Convolution, max pooling (pool x pool), scale, shift, activation.
   Values are stored row by row, channels last; pixels outside the image are 0. */
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

/* Depthwise convolution: one filter for each channel. */
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

/* Global average pooling: the mean of each channel. */
static inline void average(const float *in, int side, int channels, float *out) {
    for (int c = 0; c < channels; c++) out[c] = 0;
    for (int i = 0; i < side * side * channels; i++) out[i % channels] += in[i] / (side * side);
}

/* Deskewing: shifts each row against the slant of the digit, about its center of mass, by at most
   `steepest` pixels a row. Then scales the width by a power of the ratio of the ink's horizontal
   variance to `usual_spread`. */
static inline void deskew(const float *in, float least, float steepest, float least_spread,
                          float usual_spread, float power, float *out) {
    float ink = least, row = 0, column = 0, tall = 0, wide = 0, both = 0;
    for (int i = 0; i < 784; i++) {
        ink += in[i];
        row += in[i] * (i / 28);
        column += in[i] * (i % 28);
    }
    row /= ink;
    column /= ink;
    for (int i = 0; i < 784; i++) {
        float below = i / 28 - row, right = i % 28 - column;
        tall += in[i] * below * below / ink;
        wide += in[i] * right * right / ink;
        both += in[i] * below * right / ink;
    }
    float slant = fmaxf(-steepest, fminf(both / (tall + least), steepest));
    float spread = fmaxf(wide - slant * (2 * both - slant * tall), least_spread);
    float stretch = powf(spread / usual_spread, power);
    for (int i = 0; i < 784; i++) {
        float place = column + (i % 28 - column) * stretch + (i / 28 - row) * slant;
        float whole = floorf(place);
        float left = whole >= 0 && whole < 28 ? in[i / 28 * 28 + (int)whole] : 0;
        float next = whole >= -1 && whole < 27 ? in[i / 28 * 28 + (int)whole + 1] : 0;
        out[i] = left + (place - whole) * (next - left);
    }
}

static inline void swap(float **in, float **out) {
    float *other = *in;
    *in = *out;
    *out = other;
}

/* Adds the ten probabilities of the image, shifted down and right, to sums. */
static inline void nano_add(const uint8_t image[784], int down, int right, float sums[10]) {
    static float one[3703], other[3703]; /* not thread-safe */
    float *in = one, *out = other, total = 0, most;
    for (int i = 0; i < 784; i++) {
        int row = i / 28 - down, column = i % 28 - right;
        int inside = row >= 0 && row < 28 && column >= 0 && column < 28;
        in[i] = inside ? image[row * 28 + column] / 255.0f : 0;
    }
    deskew(in, 0.001f, 1.0f, 0.05f, 17.64f, 0.25f, out);
    swap(&in, &out);
    convolve(in, 28, 1, conv1_kernel, 3, 1, 1, 1, 2, 1, conv1_scale, conv1_shift, SILU, out, 27, 5);
    swap(&in, &out);
    depthwise(in, 27, 5, conv2_channels, 3, 1, 2, 0, conv2_channels_scale, out, 23);
    swap(&in, &out);
    convolve(in, 23, 5, conv2_kernel, 1, 1, 1, 0, 1, 1, conv2_scale, conv2_shift, SILU, out, 23, 7);
    swap(&in, &out);
    depthwise(in, 23, 7, conv3_channels, 3, 1, 2, 0, conv3_channels_scale, out, 19);
    swap(&in, &out);
    convolve(in, 19, 7, conv3_kernel, 1, 1, 1, 0, 1, 1, conv3_scale, conv3_shift, SILU, out, 19, 9);
    swap(&in, &out);
    depthwise(in, 19, 9, conv4_channels, 3, 1, 4, 0, conv4_channels_scale, out, 11);
    swap(&in, &out);
    convolve(in, 11, 9, conv4_kernel, 1, 1, 1, 0, 1, 1, conv4_scale, conv4_shift, SILU, out, 11, 11);
    swap(&in, &out);
    depthwise(in, 11, 11, depthwise1, 3, 1, 3, 0, depthwise1_scale, out, 5);
    swap(&in, &out);
    average(in, 5, 11, out);
    swap(&in, &out);
    convolve(in, 1, 11, logits_kernel, 1, 1, 1, 0, 1, 1, logits_scale, logits_shift, LINEAR, out, 1, 10);
    swap(&in, &out);
    most = in[0];
    for (int i = 1; i < 10; i++) most = in[i] > most ? in[i] : most;
    for (int i = 0; i < 10; i++) total += out[i] = expf(in[i] - most);
    for (int i = 0; i < 10; i++) sums[i] += out[i] / total;
}

/* Returns the digit. If probabilities is not NULL, it receives ten values that sum to 1. */
static inline int nano_read(const uint8_t image[784], float probabilities[10]) {
    const int shifts = 1, passes = 9;
    float sums[10] = {0};
    int digit = 0;
    for (int down = -shifts; down <= shifts; down++)
        for (int right = -shifts; right <= shifts; right++)
            nano_add(image, down, right, sums);
    for (int i = 0; i < 10; i++) {
        if (sums[i] > sums[digit]) digit = i;
        if (probabilities) probabilities[i] = sums[i] / passes;
    }
    return digit;
}
#endif
