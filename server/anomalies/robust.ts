/** Of the middle; 0 of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const at = sorted.length >> 1
  const [low, high] = [sorted[at - 1] ?? 0, sorted[at] ?? 0]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

/** Makes the median deviation of normally spread values their standard deviation. */
const TO_SIGMA = 1.4826

/** How far values lie from their median, half of them at most; one or two strays do not change it. */
export function spread(values: readonly number[]): number {
  const middle = median(values)
  return TO_SIGMA * median(values.map((value) => Math.abs(value - middle)))
}
