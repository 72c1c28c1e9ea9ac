const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
const TIME_DIGITS = 10
const COUNT_DIGITS = 4
const MOST_COUNT = 32 ** COUNT_DIGITS - 1
const LAST_TIME = 32 ** TIME_DIGITS - 1

/** Whether it has the form of an id of ours: then it is also safe as a file's name. */
export function isRunId(text: string): boolean {
  return /^[0-9a-hjkmnp-tv-z]{14}$/.test(text)
}

/** Unix milliseconds in an id. After the clock went back they are later than they should be. */
export function timeOfRunId(id: string): number {
  return numberOf(id.slice(0, TIME_DIGITS))
}

/**
 * Ids that sort, as text, by the order in which they were made: ten digits of Unix milliseconds and four that count. A clock that
 * goes back, also while nothing ran, does not change that: time then stands still until the clock is there again.
 */
export class RunIds {
  #time: number
  #count: number

  /** `newest`: the last id that was given out, by whichever process. */
  constructor(newest: string | undefined) {
    const known = newest !== undefined && isRunId(newest)
    this.#time = known ? timeOfRunId(newest) : 0
    this.#count = known ? numberOf(newest.slice(TIME_DIGITS)) : MOST_COUNT
  }

  next(now: number): string {
    const time = Math.min(Math.max(0, Math.floor(now)), LAST_TIME)
    if (time > this.#time) [this.#time, this.#count] = [time, 0]
    else if (this.#count < MOST_COUNT) this.#count += 1
    else [this.#time, this.#count] = [this.#time + 1, 0]
    return digitsOf(this.#time, TIME_DIGITS) + digitsOf(this.#count, COUNT_DIGITS)
  }
}

function digitsOf(number: number, digits: number): string {
  let text = ""
  for (let rest = number; text.length < digits; rest = Math.floor(rest / 32)) {
    text = (ALPHABET[rest % 32] ?? "") + text
  }
  return text
}

function numberOf(digits: string): number {
  let number = 0
  for (const digit of digits) number = number * 32 + ALPHABET.indexOf(digit)
  return number
}
