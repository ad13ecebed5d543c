/* The reader of one digit for WebAssembly: a place for the image, one for the answer, one function.
   tiny.h holds the network; `make javascript` compiles both. */
#include "../src/tenfold/weights/tiny/tiny.h"

#define EXPORT(name) __attribute__((export_name(name)))

static uint8_t image[784];
static float probabilities[10];

EXPORT("image") uint8_t *image_place(void) { return image; }

EXPORT("probabilities") float *probabilities_place(void) { return probabilities; }

EXPORT("read") int read_digit(void) { return tiny_read(image, probabilities); }
