/** Width and height of an image, in pixels. */
export const SIDE: 28;

/** What was read in an image. */
export interface Answer {
  /** The likeliest digit, 0 to 9. */
  digit: number;
  /** Probability of each digit 0 to 9; they sum to 1. */
  probabilities: Float32Array;
}

/** What was read in ink, and the image that the network saw: 28x28 bytes, white ink on black. */
export interface InkAnswer extends Answer {
  image: Uint8Array;
  /** Whether the ink is a filled disc, such as a bullet: no digit, but to the network a 0. */
  dot: boolean;
}

/** Reads one handwritten digit. Not to be shared between threads; each thread loads its own. */
export interface Reader {
  /**
   * Classify an image.
   * @param image 28x28 bytes row by row, white ink (255) on black (0). The digit fits into 20x20
   *   pixels, and its center of mass is in the middle, as in MNIST; `toImage` makes such images.
   * @throws RangeError if it does not have 784 pixels, or one is not a whole number from 0 to 255.
   */
  read(image: ArrayLike<number>): Answer;
  /**
   * Read the digit in ink of any size.
   * @param ink width x height values row by row, 0 paper to 1 full ink. The largest value counts as
   *   full ink, so a light pen is read, too.
   * @returns null if there is no ink.
   * @throws RangeError if a size is no whole number from 0, the number of values is not width x
   *   height, or a value is not finite.
   */
  readInk(ink: ArrayLike<number>, width: number, height: number): InkAnswer | null;
}

/**
 * Load the reader.
 * @param source The bytes of `tenfold-reader/reader.wasm`, its compiled module, or the response
 *   of a fetch.
 * @throws Error if the response is an error, or the bytes are no WebAssembly.
 */
export function loadReader(
  source: BufferSource | WebAssembly.Module | Response | PromiseLike<BufferSource | WebAssembly.Module | Response>,
): Promise<Reader>;

/**
 * Make an image as MNIST has them from ink of any size: crop it, bring the strokes to MNIST's
 * width, fit it into 20x20 pixels, and move its center of mass to the middle.
 * @param ink width x height values row by row, 0 paper to 1 full ink. The largest value counts as full
 *   ink.
 * @returns 28x28 bytes, white ink on black; null if there is no ink.
 * @throws RangeError if a size is no whole number from 0, the number of values is not width x
 *   height, or a value is not finite.
 */
export function toImage(ink: ArrayLike<number>, width: number, height: number): Uint8Array | null;
