/**
 * No engine cuts files into longer pieces: 8 MiB, and 20 MiB once. What claims to have more is refused before it is decompressed, so that
 * a bomb costs no memory.
 */
export const LONGEST_CONTENT = 64 * 1024 * 1024
