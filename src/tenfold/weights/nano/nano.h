/* tenfold nano: reads one handwritten digit. 682 parameters, weights in int8.
   Written by tenfold from a trained network (Apache-2.0); needs nothing but the C library.

   The image: 28x28 bytes row by row, white ink (255) on black (0), as MNIST has it: the digit
   fitted into 20x20, its centre of mass in the middle. */
#ifndef TENFOLD_NANO_H
#define TENFOLD_NANO_H
#include <math.h>
#include <stdint.h>

static const int8_t conv1_kernel[45] = {
    -127, -71, -10, 18, 3, 4, 82, 42, 20, 127, 48, 104, -54, -16, -14, -61, -70, -21, 116, 11,
    48, 73, 71, 56, 127, -21, 35, -9, 48, -127, 5, 49, -71, 1, 48, 98, -48, -122, 14, -97, 28,
    100, -90, 127, 42
};
static const float conv1_scale[5] = {
    2.20833216e-02f, 1.61665697e-02f, 6.26557507e-03f, 2.28395462e-02f, 1.43810259e-02f
};
static const float conv1_shift[5] = {
    5.97647309e-01f, -1.15696013e+00f, 2.83076572e+00f, 7.23476410e-02f, -5.21697462e-01f
};
static const int8_t conv2_channels[45] = {
    0, 51, 48, -13, -127, 58, -3, -12, -118, -63, 12, -127, -127, -40, 0, -66, 1, -114, 22, -19,
    83, 118, -127, -8, 48, -123, 78, -32, 43, 17, -34, -127, -75, 9, -14, -38, -21, 67, 85, -97,
    -127, -79, -10, 4, 1
};
static const float conv2_channels_scale[5] = {
    5.70551045e-02f, 4.54959534e-02f, 5.65952808e-02f, 7.67488256e-02f, 6.65654689e-02f
};
static const int8_t conv2_kernel[35] = {
    97, -47, -46, -118, 127, -72, -39, -95, 45, 127, 98, 19, 24, 121, -127, 3, 127, 64, 18, -15,
    0, -40, -26, 121, 127, -58, 100, 127, -81, -13, -69, -32, 11, 127, 18
};
static const float conv2_scale[7] = {
    5.20405825e-04f, 7.11568340e-04f, 4.43151366e-04f, 8.14018887e-04f, 3.61742452e-04f,
    5.64318383e-04f, 4.85271594e-04f
};
static const float conv2_shift[7] = {
    -4.75342274e-01f, 7.46328175e-01f, 5.89781463e-01f, -4.87070471e-01f, 1.40036225e+00f,
    -2.42734361e+00f, 1.08998895e+00f
};
static const int8_t conv3_channels[63] = {
    -35, 12, 102, -34, 25, 127, 59, 13, 22, 68, -31, 97, -15, 105, 33, 127, 4, 41, 2, 29, 16,
    25, 31, -17, 127, -40, -90, -80, -76, -127, -7, -9, 43, -58, 30, 100, 44, 14, -43, 127, 66,
    -23, -61, 55, 123, -77, -123, 93, -46, -64, -29, -67, -113, 127, 96, -127, -46, 38, -34,
    -36, -42, -25, -76
};
static const float conv3_channels_scale[7] = {
    4.29141223e-02f, 6.85536191e-02f, 5.70079237e-02f, 4.75037731e-02f, 4.12091762e-02f,
    3.23869400e-02f, 4.24039736e-02f
};
static const int8_t conv3_kernel[63] = {
    -53, -127, -24, -31, 71, -51, 24, -30, -83, 96, 82, 127, -41, 91, 20, -45, -5, -127, 17,
    -32, 50, -127, -47, 0, -2, -41, 89, -29, -36, -108, -52, -127, 12, -42, -87, 7, -127, -19,
    -46, -29, -28, 24, -28, -127, 105, -29, 19, 27, 77, -127, 104, -68, 68, 50, 49, 93, 8, -107,
    53, 55, -46, 127, 79
};
static const float conv3_scale[9] = {
    1.57070393e-03f, 1.36045285e-03f, 1.61317072e-03f, 9.62004182e-04f, 1.28600025e-03f,
    1.36663613e-03f, 1.29123055e-03f, 1.09653617e-03f, 1.02254469e-03f
};
static const float conv3_shift[9] = {
    -2.56403625e-01f, -1.81802535e+00f, -4.21077818e-01f, 1.87718362e-01f, -9.10988986e-01f,
    2.08619285e+00f, 1.18877876e+00f, 8.43662024e-01f, 2.18121505e+00f
};
static const int8_t conv4_channels[81] = {
    -39, -20, 37, -25, 81, 17, -58, -76, -127, 5, 54, 75, -12, 33, 85, 43, 69, 127, 96, 127, 42,
    -69, 25, -11, 3, 114, 42, 55, 127, 65, 60, -73, -29, -41, -102, -46, 80, 127, 118, 62, 37,
    12, 10, -51, -30, 94, -7, -127, -21, -38, -8, 64, -15, 25, -4, -26, 36, -53, -3, 8, 127, 53,
    -16, -27, 27, -17, 103, 66, 20, 127, -55, -96, 66, 45, 26, -127, 0, -2, 62, 127, 26
};
static const float conv4_channels_scale[9] = {
    4.61617373e-02f, 7.41292164e-02f, 4.43634838e-02f, 6.10085241e-02f, 4.24243212e-02f,
    3.91727611e-02f, 5.43539301e-02f, 4.92201298e-02f, 4.91774119e-02f
};
static const int8_t conv4_kernel[99] = {
    19, -28, -41, 127, 123, 50, 102, 82, -15, -80, -5, 8, 127, 10, -95, -36, -14, -113, 22,
    -127, 100, -92, 100, 16, -23, -1, 3, 10, 33, -51, -47, 5, -25, 15, 127, -54, -15, -102,
    -127, -45, -22, 17, -125, 31, 89, 92, 97, 61, 127, 61, 1, 40, -29, -103, -38, -127, 5, -40,
    -39, 34, -42, -13, -32, 7, 127, -35, -58, 46, -28, 22, 78, 36, 127, -64, -39, 5, -49, -48,
    56, -64, 74, -60, -32, -127, -62, 111, -26, 42, -97, -29, -60, 86, -1, -93, -97, 127, -92,
    52, -21
};
static const float conv4_scale[11] = {
    7.95255299e-04f, 5.98883256e-04f, 1.03438017e-03f, 1.15561194e-03f, 8.27888492e-04f,
    5.97344653e-04f, 1.32173463e-03f, 1.08840631e-03f, 8.54216341e-04f, 8.99519771e-04f,
    6.39448059e-04f
};
static const float conv4_shift[11] = {
    -1.59833461e-01f, -2.34159052e-01f, -1.02469373e+00f, 1.23482060e+00f, -1.10387921e+00f,
    2.13673520e+00f, 8.06652665e-01f, -2.27566823e-01f, -1.52383256e+00f, -3.82855266e-01f,
    1.41427541e+00f
};
static const int8_t depthwise1[99] = {
    -73, -32, -65, -15, -27, -36, 30, -94, 127, -127, -106, -29, -93, -8, 80, -7, -93, -1, 79,
    -106, -2, -73, -101, 127, -27, 18, -32, 91, 127, -14, 119, 43, -50, 36, -23, 45, 26, -74,
    -41, -58, -12, -127, 1, -89, -7, 85, 59, 127, -86, 86, -91, 22, -35, -111, 4, 62, 33, -9,
    31, -75, 60, 32, -127, 12, 28, 35, -73, 40, -35, 127, 21, 71, -2, -54, -102, -81, -39, -127,
    -102, -26, 17, -127, -74, 126, 13, -52, -37, 19, 1, -23, 74, 105, 127, 79, -54, 106, -58,
    124, -39
};
static const float depthwise1_scale[11] = {
    1.72409024e-02f, 1.53160635e-02f, 2.30567995e-02f, 1.21371113e-02f, 1.53742945e-02f,
    1.26518290e-02f, 1.92264635e-02f, 2.10192110e-02f, 1.76880267e-02f, 1.93937737e-02f,
    1.04450267e-02f
};
static const int8_t logits_kernel[110] = {
    14, -22, 9, 8, 0, -29, 30, -127, 94, -29, -11, -7, 84, -67, 127, 30, -78, -22, 9, 90, 32,
    -126, -106, -1, -3, 127, 14, -79, 119, -57, -100, 67, -29, 19, -21, 50, 127, -96, 21, -25,
    -69, -13, 65, -51, -8, -127, -8, 13, 118, 17, 48, 102, -11, 38, -118, 57, -127, -65, 89,
    -66, 48, -109, -97, 101, 8, 62, -127, -84, 3, -72, -15, -26, -47, -113, 69, 26, 71, 47, 106,
    -39, 127, 109, 35, 36, 75, -27, -64, -13, 26, 5, -9, -28, 24, 41, -29, -65, -127, 51, 11,
    44, -127, 80, -34, -31, -7, 41, 82, -11, 60, 2
};
static const float logits_scale[10] = {
    4.38992344e-02f, 2.97820419e-02f, 2.32520886e-02f, 3.15452218e-02f, 2.76542529e-02f,
    2.22941358e-02f, 2.38889419e-02f, 2.69317403e-02f, 2.57021654e-02f, 2.29011513e-02f
};
static const float logits_shift[10] = {
    3.17044401e+00f, -7.14609575e+00f, 6.93383336e-01f, -1.70497811e+00f, 3.91700625e+00f,
    -1.74060988e+00f, -4.49984217e+00f, -6.20016670e+00f, 7.24994230e+00f, 6.05004692e+00f
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
    static float one[3703], other[3703]; /* so not for two threads at once */
    float *in = one, *out = other, total = 0, most;
    for (int i = 0; i < 784; i++) {
        int row = i / 28 - down, column = i % 28 - right;
        int inside = row >= 0 && row < 28 && column >= 0 && column < 28;
        in[i] = inside ? image[row * 28 + column] / 255.0f : 0;
    }
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
